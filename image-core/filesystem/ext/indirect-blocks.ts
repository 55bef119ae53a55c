/**
 * ext2's block map: twelve direct blocks in i_block, then one single, double and triple indirect.
 *
 * Linux `Documentation/filesystems/ext4/ifork.rst`, "Direct/Indirect Block Addressing".
 */
import { corrupt } from "../../errors.js";
import type { BlockRun, MapContext } from "./block-map.js";
import { I_BLOCK, type Inode } from "./inode.js";
import { le32 } from "./little-endian.js";
import { FORMAT } from "./superblock.js";

const DIRECT_BLOCKS = 12;
const LEVELS = 3;

/** Makes `run` the longest run around `logical` that one block of pointers shows. */
export function findIndirect(
  context: MapContext,
  inode: Inode,
  logical: number,
  run: BlockRun,
): void {
  if (logical < DIRECT_BLOCKS) {
    pointerRun(context, inode, inode.bytes, I_BLOCK, DIRECT_BLOCKS, logical, logical, run);
    return;
  }
  const perBlock = context.superblock.blockSize / 4;
  let rest = logical - DIRECT_BLOCKS;
  /** Blocks that one pointer of the current level covers. */
  let span = perBlock;
  let level = 1;
  while (rest >= span) {
    rest -= span;
    span *= perBlock;
    if (++level > LEVELS) {
      throw corrupt(
        FORMAT,
        `inode ${inode.number}`,
        0,
        `block ${logical} is beyond triple indirect`,
      );
    }
  }
  let pointer = le32(inode.bytes, I_BLOCK + (DIRECT_BLOCKS + level - 1) * 4);
  for (;;) {
    if (pointer === 0) {
      run.logical = logical - rest;
      run.count = span;
      run.physical = 0;
      return;
    }
    const bytes = context.blocks.block(pointer, "indirect block of inode", inode.number);
    span /= perBlock;
    if (span === 1) {
      pointerRun(context, inode, bytes, 0, perBlock, rest, logical, run);
      return;
    }
    const index = Math.floor(rest / span);
    rest -= index * span;
    pointer = le32(bytes, index * 4);
  }
}

/** The run of pointers from `index` on that rise by one, or that are all 0. */
function pointerRun(
  context: MapContext,
  inode: Inode,
  bytes: Uint8Array,
  start: number,
  count: number,
  index: number,
  logical: number,
  run: BlockRun,
): void {
  const first = le32(bytes, start + index * 4);
  const step = first === 0 ? 0 : 1;
  let length = 1;
  while (
    index + length < count &&
    le32(bytes, start + (index + length) * 4) === first + step * length
  ) {
    length++;
  }
  if (first + step * length > context.superblock.blocksCount) {
    throw corrupt(
      FORMAT,
      `block map of inode ${inode.number}`,
      first * context.superblock.blockSize,
      `block ${first} of ${context.superblock.blocksCount}`,
    );
  }
  run.logical = logical;
  run.count = length;
  run.physical = first;
}
