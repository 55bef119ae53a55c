/**
 * File Entries and Extended File Entries: UDF's inodes (ECMA-167 4/14.6, 4/14.9, 4/14.17), as far as
 * they tell what the file is and where it lies. What they tell to stat(2) is in file-status.ts.
 */
import { corrupt } from "../../errors.js";
import { type AllocationDescriptor, decodeLongAd } from "./allocation-descriptor.js";
import { TagIdentifier, u16, u32, u64, uint64, viewOf } from "./descriptor-tag.js";

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

export interface FileEntry {
  /** Where it was read from: the ICB's place, and the byte in the volume. */
  partition: number;
  block: number;
  position: number;
  strategyType: number;
  fileType: number;
  allocationType: number;
  informationLength: number;
  extendedAttributeIcb: AllocationDescriptor;
  /** Length 0 in a plain File Entry, which has none. */
  streamDirectoryIcb: AllocationDescriptor;
  extendedAttributes: Uint8Array;
  /** With embedded allocation, the file's bytes themselves. */
  allocationDescriptors: Uint8Array;
  /** Of `allocationDescriptors` from the entry's first byte. */
  allocationOffset: number;
}

/**
 * Where the lengths of the variable parts lie. An Extended File Entry has 8 bytes (object size) more,
 * behind the modification time another 12 (creation time), and then another 4 and 16 (the stream
 * directory's ICB).
 */
const TAIL = 168;
const EXTENDED_TAIL = 208;

export function isExtended(view: DataView, at: number): boolean {
  return view.getUint16(at, true) === TagIdentifier.ExtendedFileEntry;
}

/**
 * Throws `corrupt` where the lengths in the entry at `at` leave its block, which ends before `end`,
 * or exceed 2^53. `position`: where in the volume it was read from.
 */
export function checkFileEntry(view: DataView, at: number, end: number, position: number): void {
  const tail = at + (isExtended(view, at) ? EXTENDED_TAIL : TAIL);
  const eaLength = view.getUint32(tail, true);
  const adLength = view.getUint32(tail + 4, true);
  if (tail + 8 + eaLength + adLength > end) {
    throw corrupt(
      "udf",
      "file entry",
      position,
      `${eaLength} bytes of extended attributes and ${adLength} of allocation descriptors do not fit in a block of ${end - at}`,
    );
  }
  const informationLength = uint64(view, at + 56);
  if (informationLength > Number.MAX_SAFE_INTEGER) {
    throw corrupt("udf", "file entry", position, `length ${informationLength} exceeds 2^53`);
  }
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
): FileEntry {
  const { partition, block, position } = place;
  const view = viewOf(bytes);
  checkFileEntry(view, 0, bytes.length, position);
  const extended = isExtended(view, 0);
  const tail = extended ? EXTENDED_TAIL : TAIL;
  const eaLength = u32(bytes, tail);
  const adLength = u32(bytes, tail + 4);
  const start = tail + 8;
  const adStart = start + eaLength;
  return {
    partition,
    block,
    position,
    strategyType: u16(bytes, 16 + 4),
    fileType: bytes[16 + 11],
    allocationType: u16(bytes, 16 + 18) & 7,
    informationLength: u64(bytes, 56),
    extendedAttributeIcb: decodeLongAd(bytes, extended ? 136 : 112),
    streamDirectoryIcb: extended ? decodeLongAd(bytes, 152) : NO_EXTENT,
    extendedAttributes: eaLength === 0 ? NOTHING : bytes.slice(start, adStart),
    allocationDescriptors: adLength === 0 ? NOTHING : bytes.slice(adStart, adStart + adLength),
    allocationOffset: adStart,
  };
}
