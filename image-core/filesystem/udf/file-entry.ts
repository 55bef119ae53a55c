/** File Entries and Extended File Entries: UDF's inodes (ECMA-167 4/14.6, 4/14.9, 4/14.17). */
import { corrupt } from "../../errors.js";
import { type AllocationDescriptor, decodeLongAd } from "./allocation-descriptor.js";
import { TagIdentifier, tagIdentifier, u16, u32, u64 } from "./descriptor-tag.js";
import { decodeTimestamp, type Timestamp } from "./timestamp.js";

/** ECMA-167 4/14.6.6, UDF 2.3.5.2. */
export const FileType = {
  unspecified: 0,
  directory: 4,
  regular: 5,
  blockDevice: 6,
  characterDevice: 7,
  fifo: 9,
  socket: 10,
  symlink: 12,
  streamDirectory: 13,
  virtualAllocationTable: 248,
} as const;

/** The lowest three bits of the ICB's flags (ECMA-167 4/14.6.8). */
export const AllocationType = { short: 0, long: 1, extended: 2, embedded: 3 } as const;

const FLAG_SETUID = 0x40;
const FLAG_SETGID = 0x80;
const FLAG_STICKY = 0x100;

export interface FileEntry {
  /** Where it was read from: the ICB's place, and the byte in the volume. */
  partition: number;
  block: number;
  position: number;
  strategyType: number;
  fileType: number;
  allocationType: number;
  uid: number;
  gid: number;
  /** Permissions as in stat(2), with set-id and sticky bits. */
  mode: number;
  fileLinkCount: number;
  informationLength: number;
  logicalBlocksRecorded: number;
  accessTime: Timestamp;
  modificationTime: Timestamp;
  attributeTime: Timestamp;
  extendedAttributeIcb: AllocationDescriptor;
  /** Length 0 in a plain File Entry, which has none. */
  streamDirectoryIcb: AllocationDescriptor;
  extendedAttributes: Uint8Array;
  /** With embedded allocation, the file's bytes themselves. */
  allocationDescriptors: Uint8Array;
  /** Of `allocationDescriptors` from the entry's first byte. */
  allocationOffset: number;
}

const NOTHING = new Uint8Array();
const NO_EXTENT: AllocationDescriptor = { type: 0, length: 0, block: 0, partition: 0 };

/**
 * `bytes`: one block, its tag already checked. `place`: where it was read from.
 * Throws `corrupt` where lengths leave the block or exceed 2^53.
 */
export function decodeFileEntry(
  bytes: Uint8Array,
  place: { partition: number; block: number; position: number },
  localOffset: (secondsSince1970: number) => number,
): FileEntry {
  // An Extended File Entry has 8 bytes (object size) more, from the access time another 12
  // (creation time), and from the EA's ICB another 4 and 16 (the stream directory's ICB).
  const extended = tagIdentifier(bytes, 0) === TagIdentifier.ExtendedFileEntry;
  const times = extended ? 80 : 72;
  const tail = extended ? 208 : 168;
  const start = tail + 8;
  const eaLength = u32(bytes, tail);
  const adLength = u32(bytes, tail + 4);
  if (start + eaLength + adLength > bytes.length) {
    throw corrupt(
      "udf",
      "file entry",
      place.position,
      `${eaLength} bytes of extended attributes and ${adLength} of allocation descriptors do not fit in a block of ${bytes.length}`,
    );
  }
  const informationLength = u64(bytes, 56);
  if (informationLength > Number.MAX_SAFE_INTEGER) {
    throw corrupt("udf", "file entry", place.position, `length ${informationLength} exceeds 2^53`);
  }
  const flags = u16(bytes, 16 + 18);
  const adStart = start + eaLength;
  return {
    // Written out: a spread would make every entry a slow object.
    partition: place.partition,
    block: place.block,
    position: place.position,
    strategyType: u16(bytes, 16 + 4),
    fileType: bytes[16 + 11],
    allocationType: flags & 7,
    uid: u32(bytes, 36),
    gid: u32(bytes, 40),
    mode: modeOf(u32(bytes, 44), flags),
    fileLinkCount: u16(bytes, 48),
    informationLength,
    logicalBlocksRecorded: u64(bytes, extended ? 72 : 64),
    accessTime: decodeTimestamp(bytes, times, localOffset),
    modificationTime: decodeTimestamp(bytes, times + 12, localOffset),
    attributeTime: decodeTimestamp(bytes, times + (extended ? 36 : 24), localOffset),
    extendedAttributeIcb: decodeLongAd(bytes, extended ? 136 : 112),
    streamDirectoryIcb: extended ? decodeLongAd(bytes, 152) : NO_EXTENT,
    extendedAttributes: eaLength === 0 ? NOTHING : bytes.slice(start, adStart),
    allocationDescriptors: adLength === 0 ? NOTHING : bytes.slice(adStart, adStart + adLength),
    allocationOffset: adStart,
  };
}

/** Five bits each for others, group and owner: execute, write, read, change attributes, delete. */
function modeOf(permissions: number, flags: number): number {
  let mode = (permissions & 0o7) | ((permissions >> 2) & 0o70) | ((permissions >> 4) & 0o700);
  if (flags & FLAG_SETUID) mode |= 0o4000;
  if (flags & FLAG_SETGID) mode |= 0o2000;
  if (flags & FLAG_STICKY) mode |= 0o1000;
  return mode;
}
