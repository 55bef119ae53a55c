/** Classic Mac dates: unsigned 32-bit seconds since 1 January 1904 (TN1150, "HFS Plus Dates"). */

/** Seconds from 1904 to 1970. */
const MAC_EPOCH_OFFSET = 2_082_844_800;

/**
 * Seconds since 1970 (1904 to 2040), or `unset` for 0: every writer leaves 0 where it has no date,
 * and no image comes from midnight of 1 January 1904.
 */
export function unixFromMac(macSeconds: number, unset: number): number {
  return macSeconds === 0 ? unset : macSeconds - MAC_EPOCH_OFFSET;
}

/** The same for a date in local time, as HFS and MFS store it. */
export function unixFromLocalMac(
  macSeconds: number,
  unset: number,
  localOffset: (seconds: number) => number,
): number {
  if (macSeconds === 0) return unset;
  const local = macSeconds - MAC_EPOCH_OFFSET;
  return local - localOffset(local);
}
