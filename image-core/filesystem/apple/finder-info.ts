/** Names under which Mac metadata is shown, the same for every Apple filesystem. */

/** FinderInfo's 32 bytes; only where one is not zero. */
export const FINDER_INFO_XATTR = "user.com.apple.FinderInfo";

/** The whole resource fork; Linux itself passes on at most 64 KiB of an attribute. */
export const RESOURCE_FORK_XATTR = "user.com.apple.ResourceFork";

/**
 * `FILE` + this is the resource fork as a file: found, never listed. macOS has `FILE/..namedfork/rsrc`,
 * but Linux looks for nothing beneath a regular file.
 */
export const RESOURCE_FORK_SUFFIX = "..namedfork#rsrc";

export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
