/** Directory entries, 32 bytes each. exFAT specification 1.00, sections 6 and 7. Little-endian. */

/** `EntryType`. Bit 7: in use; bit 6: belongs to the primary entry before it. */
export const END_OF_DIRECTORY = 0x00;
export const ALLOCATION_BITMAP = 0x81;
export const UPCASE_TABLE = 0x82;
export const VOLUME_LABEL = 0x83;
export const FILE = 0x85;
export const VOLUME_GUID = 0xa0;
export const TEXFAT_PADDING = 0xa1;
export const STREAM_EXTENSION = 0xc0;
export const FILE_NAME = 0xc1;

export const ATTR_READ_ONLY = 0x01;
export const ATTR_DIRECTORY = 0x10;

/** `GeneralSecondaryFlags`: the clusters follow one another and the FAT says nothing about them. */
const NO_FAT_CHAIN = 0x02;

/** Where a file's clusters are. Bytes. */
export interface StreamExtension {
  noFatChain: boolean;
  validDataLength: number;
  firstCluster: number;
  /** NaN where it is beyond what a number holds exactly. */
  dataLength: number;
}

export function decodeStreamExtension(bytes: Uint8Array, offset: number): StreamExtension {
  return {
    noFatChain: (bytes[offset + 1] & NO_FAT_CHAIN) !== 0,
    validDataLength: u64(bytes, offset + 8),
    firstCluster: u32(bytes, offset + 20),
    dataLength: u64(bytes, offset + 24),
  };
}

/** `SetChecksum` so far, continued over the entry at `offset`; the primary's own field is not in it. */
export function setChecksum(sum: number, bytes: Uint8Array, offset: number): number {
  for (let i = 0; i < 32; i++) {
    if (bytes[offset] === FILE && (i === 2 || i === 3)) continue;
    sum = (((sum << 15) | (sum >>> 1)) + bytes[offset + i]) & 0xffff;
  }
  return sum;
}

export function u16(bytes: Uint8Array, offset: number): number {
  return bytes[offset] | (bytes[offset + 1] << 8);
}

export function u32(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset) + u16(bytes, offset + 2) * 0x10000;
}

function u64(bytes: Uint8Array, offset: number): number {
  const value = u32(bytes, offset + 4) * 2 ** 32 + u32(bytes, offset);
  return Number.isSafeInteger(value) ? value : Number.NaN;
}
