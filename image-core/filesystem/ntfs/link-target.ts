/** Windows link targets as paths that lead somewhere in a mounted volume. */

/** What a target's translation asks of the volume. */
export interface LinkContext {
  /** How deep below the root the directory of the link lies. */
  depth(): number;
  /** Whether a path from the root, its components in any case, exists. */
  exists(components: string[]): boolean;
}

/** `\??\C:\dir`, `C:\dir`: a drive's absolute path. */
const DRIVE = /^(?:\\(?:\?\?|\\\?)\\)?([A-Za-z]):(?:\\|$)/;
/** `\??\Volume{GUID}\dir`. */
const VOLUME = /^\\(?:\?\?|\\\?)\\Volume\{[^}\\]*\}(?:\\|$)/i;
const NT_PREFIX = /^\\(?:\?\?|\\\?)\\/;

/**
 * A relative target stays so. One on a drive, or on a volume by GUID, is taken to be on this volume
 * if the path exists here, and becomes relative to the link, so that it holds wherever the volume is
 * mounted. Otherwise it is shown as it is, `/` for `\`: it leads nowhere here.
 */
export function shownTarget(target: string, relative: boolean, context: LinkContext): string {
  if (relative && !target.startsWith("\\")) return slashes(target);
  const prefix = DRIVE.exec(target) ?? VOLUME.exec(target);
  // A path from the root of the link's own volume.
  const rooted = relative || (prefix === null && /^\\[^\\?]/.test(target));
  if (prefix === null && !rooted) {
    const bare = target.replace(NT_PREFIX, "");
    // `\??\\dir`: how Linux's ntfs3 writes an absolute path of its own.
    return slashes(bare.startsWith("UNC\\") ? `\\${bare.slice(3)}` : bare);
  }
  const rest = target.slice(prefix === null ? 1 : prefix[0].length);
  const components = rest.split("\\").filter((component) => component !== "");
  if (rooted || context.exists(components)) {
    return [...Array(context.depth()).fill(".."), ...components].join("/") || ".";
  }
  return slashes(target.replace(NT_PREFIX, ""));
}

function slashes(path: string): string {
  return path.replaceAll("\\", "/").replaceAll("\0", "");
}
