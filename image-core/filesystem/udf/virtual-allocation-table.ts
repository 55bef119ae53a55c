/**
 * The table behind a virtual partition: a file whose ICB is the last thing recorded on the disc
 * (UDF 2.2.11; UDF 1.50 2.2.10).
 */
import { ImageError } from "../../errors.js";
import { fileExtents } from "./allocation.js";
import type { BlockSpace } from "./block-space.js";
import { descriptorProblem, TagIdentifier, tagIdentifier, u16, u32 } from "./descriptor-tag.js";
import { decodeFileEntry, type FileEntry, FileType } from "./file-entry.js";
import type { PhysicalPartition } from "./partition.js";
import { readIfThere } from "./read-if-there.js";
import { entityIdentifier } from "./volume-descriptors.js";

export interface VirtualAllocationTable {
  /** 1.50 or 2.00: the two layouts. */
  version: string;
  /** By virtual block number, block numbers of the partition below. */
  entries: Uint32Array;
}

/** How much is searched from the end: what a drive adds behind the last thing written, and more. */
const SEARCH_BYTES = 32 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
/** A disc that was not full is often copied whole; its unrecorded end reads as zeros. */
const MAX_ZERO_BYTES = 10 * 2 ** 30;
const ZERO_CHUNK_BYTES = 1024 * 1024;

const HEADER_150_LENGTH = 36;
const HEADER_200_LENGTH = 152;

/**
 * Searches back from `sourceEnd`, a byte position. `reference`: of `partition`, in which the table's ICB
 * and the table lie. Damaged tables are passed over: the one before shows the disc as it was then.
 */
export function findVirtualAllocationTable(
  space: BlockSpace,
  partition: PhysicalPartition,
  reference: number,
  sourceEnd: number,
): VirtualAllocationTable {
  const { blockSize } = space;
  const end = endOfRecorded(space, partition.start, sourceEnd);
  const stop = Math.max(partition.start, end - SEARCH_BYTES);
  const chunk = new Uint8Array(CHUNK_BYTES);
  const last = Math.floor((end - partition.start) / blockSize) - 1;
  let problem = "no file entry of one";
  for (let top = last; top >= 0; ) {
    const count = Math.min(top + 1, CHUNK_BYTES / blockSize);
    const first = top + 1 - count;
    const start = partition.start + first * blockSize;
    const got = readBlocks(space, start, chunk, count);
    for (let block = top; block >= first; block--) {
      const at = (block - first) * blockSize;
      if (at + blockSize > got) continue;
      const bytes = chunk.subarray(at, at + blockSize);
      if (!mayBeTable(bytes, block)) continue;
      try {
        return readTable(space, bytes, reference, block, start + at);
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
        problem = error.message;
      }
    }
    if (start <= stop) break;
    top = first - 1;
  }
  throw new ImageError(
    "corrupt",
    "udf",
    `the virtual allocation table is missing from the last ${end - stop} bytes: ${problem}`,
  );
}

/** A byte position: behind the last bytes before `end` that are not zeros, rounded up generously. */
function endOfRecorded(space: BlockSpace, start: number, end: number): number {
  const chunk = new Uint8Array(ZERO_CHUNK_BYTES);
  const zeros = new Uint8Array(ZERO_CHUNK_BYTES);
  const stop = Math.max(start, end - MAX_ZERO_BYTES);
  let at = end;
  while (at - ZERO_CHUNK_BYTES > stop) {
    const got = readIfThere(space.source, at - ZERO_CHUNK_BYTES, chunk, ZERO_CHUNK_BYTES);
    if (got < ZERO_CHUNK_BYTES || Buffer.compare(chunk, zeros) !== 0) break;
    at -= ZERO_CHUNK_BYTES;
  }
  return at;
}

/** Bytes read; unreadable blocks are zeros. */
function readBlocks(space: BlockSpace, start: number, chunk: Uint8Array, count: number): number {
  const { source, blockSize } = space;
  const got = readIfThere(source, start, chunk, count * blockSize);
  if (got > 0) return got;
  for (let i = 0; i < count; i++) {
    const block = chunk.subarray(i * blockSize, (i + 1) * blockSize);
    const read = readIfThere(source, start + i * blockSize, block, blockSize);
    block.fill(0, read);
  }
  return count * blockSize;
}

function mayBeTable(bytes: Uint8Array, block: number): boolean {
  const identifier = tagIdentifier(bytes, 0);
  if (identifier !== TagIdentifier.FileEntry && identifier !== TagIdentifier.ExtendedFileEntry) {
    return false;
  }
  const fileType = bytes[16 + 11];
  return (
    (fileType === FileType.virtualAllocationTable || fileType === FileType.unspecified) &&
    descriptorProblem(bytes, 0, bytes.length, block) === undefined
  );
}

function readTable(
  space: BlockSpace,
  bytes: Uint8Array,
  partition: number,
  block: number,
  position: number,
): VirtualAllocationTable {
  const entry = decodeFileEntry(bytes, { partition, block, position });
  const table = contents(space, entry);
  if (entry.fileType === FileType.virtualAllocationTable) {
    const headerLength = table.length >= 2 ? u16(table, 0) : 0;
    if (headerLength < HEADER_200_LENGTH || headerLength > table.length) {
      throw new ImageError(
        "corrupt",
        "udf",
        `a virtual allocation table of ${table.length} bytes with a header of ${headerLength}`,
      );
    }
    return { version: "2.00", entries: entriesOf(table, headerLength, table.length) };
  }
  const end = table.length - HEADER_150_LENGTH;
  if (end < 0 || entityIdentifier(table, end) !== "*UDF Virtual Alloc Tbl") {
    throw new ImageError("corrupt", "udf", "a file of unspecified type that is no table");
  }
  return { version: "1.50", entries: entriesOf(table, 0, end) };
}

function contents(space: BlockSpace, entry: FileEntry): Uint8Array {
  const size = entry.informationLength;
  // An entry for each block is more than a table can need.
  const limit = Math.ceil(space.source.size / space.blockSize) * 4 + 65536;
  if (size > limit) {
    throw new ImageError(
      "limit",
      "udf",
      `a virtual allocation table of ${size} bytes, the image needs no more than ${limit}`,
    );
  }
  const bytes = new Uint8Array(size);
  fileExtents(space, entry).read(space.metadata, size, 0, bytes, 0, size);
  return bytes;
}

function entriesOf(table: Uint8Array, start: number, end: number): Uint32Array {
  return Uint32Array.from({ length: Math.floor((end - start) / 4) }, (_, i) =>
    u32(table, start + i * 4),
  );
}
