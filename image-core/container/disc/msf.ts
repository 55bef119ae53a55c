/**
 * Addresses on a CD: minute, second, frame (Red Book; ECMA-130 clause 22.3) and LBA (MMC-3 6.1).
 *
 * A frame is one sector, 75 a second. MSF 00:02:00 is LBA 0: the first two seconds are the pregap
 * of the first track.
 */

const FRAMES_PER_SECOND = 75;
/** Sectors from MSF 00:00:00 to LBA 0. */
export const MSF_OFFSET = 150;

/** Sectors of a count of minutes, seconds and frames, none of them checked. */
export function frames(minute: number, second: number, frame: number): number {
  return (minute * 60 + second) * FRAMES_PER_SECOND + frame;
}

/** A length, or a position within a file, in sectors; undefined for what is no `mm:ss:ff`. */
export function parseMsf(text: string): number | undefined {
  const match = /^(\d{1,4}):(\d{1,2}):(\d{1,2})$/.exec(text);
  if (match === null) return undefined;
  const [minute, second, frame] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (second > 59 || frame >= FRAMES_PER_SECOND) return undefined;
  return frames(minute, second, frame);
}

/** Where a sector lies on the disc, for messages: `LBA 16 (00:02:16)`. */
export function sectorName(lba: number): string {
  const absolute = lba + MSF_OFFSET;
  const sign = absolute < 0 ? "-" : "";
  const all = Math.abs(absolute);
  const second = Math.floor(all / FRAMES_PER_SECOND);
  const field = (value: number) => String(value).padStart(2, "0");
  const msf = `${field(Math.floor(second / 60))}:${field(second % 60)}:${field(all % FRAMES_PER_SECOND)}`;
  return `LBA ${lba} (${sign}${msf})`;
}

/** Two decimal digits in a byte; undefined for what is none. */
export function bcd(byte: number): number | undefined {
  const high = byte >> 4;
  const low = byte & 15;
  return high > 9 || low > 9 ? undefined : high * 10 + low;
}
