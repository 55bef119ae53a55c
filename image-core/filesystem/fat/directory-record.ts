/** The 32-byte directory entry. FAT specification 1.03, "Directory Structure". */

export const ATTR_READ_ONLY = 0x01;
export const ATTR_VOLUME_ID = 0x08;
export const ATTR_DIRECTORY = 0x10;

/** In `DIR_Name[0]`: this entry and all behind it are free; this entry is free. */
export const END_OF_DIRECTORY = 0x00;
export const DELETED = 0xe5;

const DOT = 0x2e;
const SPACE = 0x20;

export function firstCluster(bytes: Uint8Array, offset: number, fatBits: number): number {
  const low = bytes[offset + 26] | (bytes[offset + 27] << 8);
  // On FAT12 and FAT16 the upper half belongs to others (OS/2: extended attributes).
  if (fatBits !== 32) return low;
  return low + ((bytes[offset + 20] | ((bytes[offset + 21] & 0x0f) << 8)) << 16);
}

export function fileSize(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + 28) + u16(bytes, offset + 30) * 0x10000;
}

export function u16(bytes: Uint8Array, offset: number): number {
  return bytes[offset] | (bytes[offset + 1] << 8);
}

/** `.` and `..`, which every directory but the root begins with; some writers fill up with zeros. */
export function isDots(bytes: Uint8Array, offset: number): boolean {
  if (bytes[offset] !== DOT) return false;
  if (bytes[offset + 1] !== DOT && !isFiller(bytes[offset + 1])) return false;
  for (let i = 2; i < 11; i++) if (!isFiller(bytes[offset + i])) return false;
  return true;
}

function isFiller(byte: number): boolean {
  return byte === SPACE || byte === 0;
}
