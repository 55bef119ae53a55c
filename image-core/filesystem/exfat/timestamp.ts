/** Times of a File entry. exFAT specification 1.00, section 7.4.5 to 7.4.7. */
import { localSeconds } from "../fat/timestamp.js";
import { u16 } from "./entries.js";

/** `UtcOffset` bit 7: the offset, signed and in quarters of an hour in the other bits, is valid. */
const OFFSET_VALID = 0x80;

/** Reused by every call. */
const result = { seconds: 0, nanoseconds: 0 };

/**
 * The time at `offset`, `hundredths` (0 to 199) later. `localOffset` gives the seconds east of UTC
 * for writers that did not say.
 */
export function timestamp(
  bytes: Uint8Array,
  offset: number,
  hundredths: number,
  utcOffset: number,
  localOffset: (seconds: number) => number,
): { seconds: number; nanoseconds: number } {
  const local = localSeconds(u16(bytes, offset + 2), u16(bytes, offset));
  const quarters = (utcOffset << 25) >> 25;
  const east = (utcOffset & OFFSET_VALID) !== 0 ? quarters * 900 : localOffset(local);
  const increment = Math.min(hundredths, 199);
  result.seconds = local - east + Math.floor(increment / 100);
  result.nanoseconds = (increment % 100) * 10_000_000;
  return result;
}
