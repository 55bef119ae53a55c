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

export function tagIdentifier(bytes: Uint8Array, at: number): number {
  return u16(bytes, at);
}

function tagLocation(bytes: Uint8Array, at: number): number {
  return u32(bytes, at + 12);
}

/** Whether the tag's own checksum holds: the sum of its bytes but the checksum, modulo 256. */
export function tagChecksumHolds(bytes: Uint8Array, at: number): boolean {
  let sum = 0;
  for (let i = 0; i < TAG_LENGTH; i++) if (i !== 4) sum += bytes[at + i];
  return (sum & 0xff) === bytes[at + 4];
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
  return bodyProblem(bytes, at, end);
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

/** Polynomial x^16 + x^12 + x^5 + 1, from 0, most significant bit first (ECMA-167 3/7.2.6). */
const crcTable = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

function crcItuT(bytes: Uint8Array, start: number, length: number): number {
  let crc = 0;
  for (let i = start; i < start + length; i++) {
    crc = ((crc << 8) & 0xffff) ^ crcTable[(crc >> 8) ^ bytes[i]];
  }
  return crc;
}
