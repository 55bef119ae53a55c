/**
 * How sectors of a CD are stored in files (ECMA-130 clause 14, CD-ROM XA 2.3).
 *
 * A whole data sector has 2352 bytes: sync (12), header (4), and then
 *   mode 1:        user data (2048), EDC (4), zeros (8), ECC (276)
 *   mode 2 form 1: subheader (8), user data (2048), EDC (4), ECC (276)
 *   mode 2 form 2: subheader (8), user data (2324), EDC (4) or zeros
 * Files leave out any of: sync and header, sync, the error codes; and append subchannel bytes.
 *
 * Filesystems address a disc by blocks of 2048 bytes, so a form 2 sector (video, audio) stands
 * there with the first 2048 of its 2324 bytes, as CD drives answer READ(10) to the few who ask.
 */
import { bcd, frames, MSF_OFFSET } from "./msf.js";

export const RAW_BYTES = 2352;
export const USER_BYTES = 2048;
/** Of the mode 2 subheader: set where the sector is of form 2. */
export const SUBMODE_FORM2 = 0x20;

export interface SectorLayout {
  /** Bytes from one sector to the next in the file: `stored` and the subchannel. */
  stride: number;
  /** Bytes of the main channel: 2048, 2056, 2324, 2328, 2332, 2336, 2340 or 2352. */
  stored: number;
  mode: 1 | 2;
  /**
   * Where the user data begins; of sectors stored whole, of those without sync and header (their
   * own header says it otherwise). Negative: such a sector holds no data.
   */
  userOffset: number;
}

/** Undefined for a size in which no sector is stored. */
export function sectorLayout(
  mode: 1 | 2,
  stored: number,
  subchannel = 0,
): SectorLayout | undefined {
  const userOffset = userOffsets(mode)[stored];
  if (userOffset === undefined) return undefined;
  return { stride: stored + subchannel, stored, mode, userOffset };
}

/** By what is stored of a sector. */
function userOffsets(mode: 1 | 2): Record<number, number | undefined> {
  return mode === 1
    ? { 2048: 0, 2340: 4, 2352: 16 }
    : { 2048: 0, 2056: 8, 2324: 0, 2328: 0, 2332: 8, 2336: 8, 2340: 12, 2352: 24 };
}

/**
 * The layout of a sector of `bytes` bytes, which may hold 16 or 96 bytes of subchannel; undefined
 * where that is no size of a sector.
 */
export function layoutOfSize(mode: 1 | 2, bytes: number): SectorLayout | undefined {
  for (const subchannel of [0, 96, 16]) {
    const layout = sectorLayout(mode, bytes - subchannel, subchannel);
    if (layout !== undefined) return layout;
  }
  return undefined;
}

/** The sync pattern: 00, ten times FF, 00. */
export function hasSync(bytes: Uint8Array, at: number): boolean {
  if (bytes[at] !== 0 || bytes[at + 11] !== 0) return false;
  for (let i = 1; i <= 10; i++) if (bytes[at + i] !== 0xff) return false;
  return true;
}

/** Of a sector with sync. Packet writing puts the kind of block into the upper three bits. */
export function headerMode(bytes: Uint8Array, at: number): number {
  return bytes[at + 15] & 0x1f;
}

/** The address in a header; undefined where it is no BCD address. */
export function headerLba(bytes: Uint8Array, at: number): number | undefined {
  const minute = bcd(bytes[at + 12]);
  const second = bcd(bytes[at + 13]);
  const frame = bcd(bytes[at + 14]);
  if (minute === undefined || second === undefined || frame === undefined) return undefined;
  if (second > 59 || frame > 74) return undefined;
  return frames(minute, second, frame) - MSF_OFFSET;
}
