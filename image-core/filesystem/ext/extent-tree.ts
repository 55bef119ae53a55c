/**
 * ext4's extent tree: a header and up to four entries in i_block, deeper nodes a block each.
 *
 * Linux `Documentation/filesystems/ext4/ifork.rst`, "Extent Tree".
 */
import { corrupt } from "../../errors.js";
import type { BlockRun, MapContext } from "./block-map.js";
import { crc32c } from "./crc32c.js";
import { RoCompat } from "./features.js";
import { I_BLOCK, I_BLOCK_SIZE, type Inode } from "./inode.js";
import { le16, le32 } from "./little-endian.js";
import { FORMAT } from "./superblock.js";

const EXT4_EXT_MAGIC = 0xf30a;
const EXT4_MAX_EXTENT_DEPTH = 5;
const HEADER_SIZE = 12;
const ENTRY_SIZE = 12;
/** Lengths above this count blocks that are allocated but not written. */
const EXT_INIT_MAX_LEN = 32768;
/** Followed by its number; put together for an error only. */
const TREE = "extent tree of inode";
/** One more than the last logical block. */
const LOGICAL_END = 2 ** 32;

/** Makes `run` the extent, or the hole, that holds `logical`. */
export function findExtent(
  context: MapContext,
  inode: Inode,
  logical: number,
  run: BlockRun,
): void {
  let bytes = inode.bytes;
  let start = I_BLOCK;
  let end = I_BLOCK + I_BLOCK_SIZE;
  let blockNumber = 0;
  let depth = -1;
  // What lies at or behind this belongs to a neighbouring subtree.
  let upper = LOGICAL_END;
  for (;;) {
    const problem = headerProblem(bytes, start, end, depth);
    if (problem !== undefined) {
      const where = `${TREE} ${inode.number}`;
      throw corrupt(FORMAT, where, blockNumber * context.superblock.blockSize, problem);
    }
    depth = le16(bytes, start + 6);
    const entries = le16(bytes, start + 2);
    const index = lastNotAfter(bytes, start, entries, logical);
    const entry = start + HEADER_SIZE + index * ENTRY_SIZE;
    if (index + 1 < entries) upper = Math.min(upper, le32(bytes, entry + ENTRY_SIZE));
    if (index < 0) return setHole(run, logical, upper);
    if (depth === 0) return leafEntry(context, inode, bytes, entry, logical, upper, run);
    blockNumber = le32(bytes, entry + 4) + le16(bytes, entry + 8) * 2 ** 32;
    bytes = context.blocks.block(blockNumber, TREE, inode.number);
    start = 0;
    end = bytes.length;
    checkNode(context, inode, bytes, blockNumber);
  }
}

function leafEntry(
  context: MapContext,
  inode: Inode,
  bytes: Uint8Array,
  entry: number,
  logical: number,
  upper: number,
  run: BlockRun,
): void {
  const first = le32(bytes, entry);
  const storedLength = le16(bytes, entry + 4);
  const unwritten = storedLength > EXT_INIT_MAX_LEN;
  const length = unwritten ? storedLength - EXT_INIT_MAX_LEN : storedLength;
  if (logical >= first + length) return setHole(run, logical, upper);
  const physical = le32(bytes, entry + 8) + le16(bytes, entry + 6) * 2 ** 32;
  if (physical === 0 || physical + length > context.superblock.blocksCount) {
    throw corrupt(
      FORMAT,
      `extent of inode ${inode.number}`,
      physical * context.superblock.blockSize,
      `${length} blocks from ${physical} of ${context.superblock.blocksCount}`,
    );
  }
  run.logical = first;
  run.count = length;
  run.physical = unwritten ? 0 : physical;
}

function setHole(run: BlockRun, logical: number, upper: number): void {
  run.logical = logical;
  // Disorder among the entries can put the neighbour before us; one block is always safe.
  run.count = Math.max(1, upper - logical);
  run.physical = 0;
}

/** Index of the last entry whose first block is not after `logical`, or -1. */
function lastNotAfter(bytes: Uint8Array, start: number, entries: number, logical: number): number {
  let low = 0;
  let high = entries;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (le32(bytes, start + HEADER_SIZE + middle * ENTRY_SIZE) <= logical) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** `parentDepth` -1: the root. */
function headerProblem(
  bytes: Uint8Array,
  start: number,
  end: number,
  parentDepth: number,
): string | undefined {
  const magic = le16(bytes, start);
  if (magic !== EXT4_EXT_MAGIC) return `magic is 0x${magic.toString(16)}, not 0xf30a`;
  const entries = le16(bytes, start + 2);
  const most = le16(bytes, start + 4);
  const depth = le16(bytes, start + 6);
  const room = Math.floor((end - start - HEADER_SIZE) / ENTRY_SIZE);
  if (entries > most || most > room) return `${entries} of ${most} entries in room for ${room}`;
  if (parentDepth < 0 ? depth > EXT4_MAX_EXTENT_DEPTH : depth !== parentDepth - 1) {
    return parentDepth < 0
      ? `depth ${depth} is more than ${EXT4_MAX_EXTENT_DEPTH}`
      : `depth ${depth} beneath depth ${parentDepth}`;
  }
  return undefined;
}

/** The checksum behind the last possible entry: a wrong one is told, the entries are checked anyway. */
function checkNode(
  context: MapContext,
  inode: Inode,
  bytes: Uint8Array,
  blockNumber: number,
): void {
  if ((context.superblock.featureRoCompat & RoCompat.metadata_csum) === 0) return;
  if (!context.firstUse(blockNumber)) return;
  const tail = HEADER_SIZE + le16(bytes, 4) * ENTRY_SIZE;
  if (tail + 4 > bytes.length) return;
  if (crc32c(inode.checksumSeed, bytes, 0, tail) !== le32(bytes, tail)) {
    context.warn(`${TREE} ${inode.number}: block ${blockNumber} has a wrong checksum`);
  }
}
