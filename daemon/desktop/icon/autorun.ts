/** `autorun.inf` of discs for Windows: which icon the disc is shown with. */

export interface AutorunIcon {
  /** Names of folders, then of the file, in any case. */
  path: string[];
  /** Which icon of a program: the how manieth, or, where it is negative, its number. */
  index: number;
}

/**
 * "Autorun.inf Entries", Microsoft: `icon=FILE[,INDEX]` in the group `autorun`. Undefined where there
 * is none, or where it leads to another place than the disc.
 */
export function autorunIcon(bytes: Uint8Array): AutorunIcon | undefined {
  let inGroup = false;
  for (const line of decode(bytes).split(/\r\n?|\n/)) {
    const group = /^\s*\[([^\]]*)\]/.exec(line)?.[1];
    if (group !== undefined) inGroup = group.trim().toLowerCase() === "autorun";
    if (!inGroup) continue;
    const value = /^\s*(?:default)?icon\s*=(.*)$/i.exec(line)?.[1];
    if (value !== undefined) return understand(value);
  }
  return undefined;
}

function understand(value: string): AutorunIcon | undefined {
  const bare = value.trim();
  const quoted = /^"([^"]*)"(.*)$/.exec(bare);
  const comma = bare.lastIndexOf(",");
  const file = quoted?.[1] ?? (comma < 0 ? bare : bare.slice(0, comma));
  const behind = quoted?.[2] ?? (comma < 0 ? "" : bare.slice(comma));
  const path = file
    .trim()
    .split(/[\\/]/)
    .filter((name) => name !== "" && name !== ".");
  // A drive, a variable of Windows, or a way out.
  if (path.length === 0 || path.some((name) => name === ".." || /[:%\0]/.test(name))) {
    return undefined;
  }
  return { path, index: Number(/^,\s*(-?\d{1,5})\s*$/.exec(behind)?.[1] ?? 0) };
}

/** Nothing says in which encoding it is. */
function decode(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    // Of the rest, the most frequent; names of icons are nearly always ASCII.
    return new TextDecoder("windows-1252").decode(bytes);
  }
}
