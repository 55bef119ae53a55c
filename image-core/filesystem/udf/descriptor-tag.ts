/**
 * The 16 bytes that every UDF descriptor begins with (ECMA-167 3/7.2 and 4/7.2): what it is, where it
 * lies, and a check of both tag and body.
 */

/** ECMA-167 3/7.2.1 and 4/7.2.1. */
export const TagIdentifier = {
  PrimaryVolumeDescriptor: 1,
  AnchorVolumeDescriptorPointer: 2,
  VolumeDescriptorPointer: 3,
  PartitionDescriptor: 5,
  LogicalVolumeDescriptor: 6,
  TerminatingDescriptor: 8,
  LogicalVolumeIntegrityDescriptor: 9,
  FileSetDescriptor: 256,
  FileIdentifierDescriptor: 257,
  AllocationExtentDescriptor: 258,
  IndirectEntry: 259,
  TerminalEntry: 260,
  FileEntry: 261,
  ExtendedAttributeHeaderDescriptor: 262,
  ExtendedFileEntry: 266,
} as const;

export const TAG_LENGTH = 16;

export function u16(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8);
}

export function u32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

/** Beyond 2^53 the result is inexact: callers compare it with what they can bear. */
export function u64(bytes: Uint8Array, at: number): number {
  return u32(bytes, at + 4) * 2 ** 32 + u32(bytes, at);
}

/** The same bytes, for what is decoded so often that a field is better read in one go. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** As `u64`. */
export function uint64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}

export function tagIdentifier(bytes: Uint8Array, at: number): number {
  return u16(bytes, at);
}

function tagLocation(bytes: Uint8Array, at: number): number {
  return u32(bytes, at + 12);
}

/** Whether the tag's own checksum holds: the sum of its bytes but the checksum, modulo 256. */
export function tagChecksumHolds(bytes: Uint8Array, at: number): boolean {
  // Every entry of a directory and every ICB comes by here, so there is no loop.
  const b = bytes;
  const first = b[at] + b[at + 1] + b[at + 2] + b[at + 3] + b[at + 5] + b[at + 6] + b[at + 7];
  const second = b[at + 8] + b[at + 9] + b[at + 10] + b[at + 11];
  const third = b[at + 12] + b[at + 13] + b[at + 14] + b[at + 15];
  return ((first + second + third) & 0xff) === b[at + 4];
}

/**
 * What is wrong with the descriptor at `at`, whose body ends before `end`; undefined if nothing.
 * `location`: the block it was read from, as its tag must say.
 */
export function descriptorProblem(
  bytes: Uint8Array,
  at: number,
  end: number,
  location: number,
): string | undefined {
  if (end - at < TAG_LENGTH) return `${end - at} bytes are too few for a tag`;
  if (!tagChecksumHolds(bytes, at)) return "the checksum of its tag is wrong";
  const found = tagLocation(bytes, at);
  if (found !== location) return `its tag says block ${found} instead of ${location}`;
  // A CRC of more than the descriptor's own block is none: writers are known that state one.
  return at + TAG_LENGTH + u16(bytes, at + 10) > end ? undefined : bodyProblem(bytes, at, end);
}

/** As `descriptorProblem`, of the body alone. Writers that compute no CRC leave its length 0. */
export function bodyProblem(bytes: Uint8Array, at: number, end: number): string | undefined {
  const length = u16(bytes, at + 10);
  if (length === 0) return undefined;
  if (at + TAG_LENGTH + length > end) return `its CRC covers ${length} bytes, more than it has`;
  const stored = u16(bytes, at + 8);
  const computed = crcItuT(bytes, at + TAG_LENGTH, length);
  return stored === computed
    ? undefined
    : `CRC 0x${computed.toString(16)} instead of 0x${stored.toString(16)}`;
}

/**
 * Polynomial x^16 + x^12 + x^5 + 1, from 0, most significant bit first (ECMA-167 3/7.2.6), eight bytes
 * a step: what a byte does to the CRC behind it and N further ones lies at 256 * N of the table.
 */
const crcTable = new Uint16Array(8 * 256);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
  crcTable[byte] = crc;
}
for (let i = 256; i < crcTable.length; i++) {
  const crc = crcTable[i - 256];
  crcTable[i] = (crc << 8) ^ crcTable[crc >> 8];
}

function crcItuT(bytes: Uint8Array, start: number, length: number): number {
  const table = crcTable;
  const end = start + length;
  let crc = 0;
  let i = start;
  for (; i + 8 <= end; i += 8) {
    crc =
      table[1792 + (bytes[i] ^ (crc >> 8))] ^
      table[1536 + (bytes[i + 1] ^ (crc & 0xff))] ^
      table[1280 + bytes[i + 2]] ^
      table[1024 + bytes[i + 3]] ^
      table[768 + bytes[i + 4]] ^
      table[512 + bytes[i + 5]] ^
      table[256 + bytes[i + 6]] ^
      table[bytes[i + 7]];
  }
  for (; i < end; i++) crc = ((crc << 8) & 0xffff) ^ table[(crc >> 8) ^ bytes[i]];
  return crc;
}
