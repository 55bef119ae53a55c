/**
 * From a file's logical blocks to the filesystem's: extent trees of ext4, indirect blocks of ext2.
 *
 * Nothing of a map is kept but the run found last: every question walks at most six cached blocks,
 * so a file of a million extents costs no memory.
 *
 * Linux `Documentation/filesystems/ext4/ifork.rst`.
 */

import type { BlockReader } from "./block-reader.js";
import { findExtent } from "./extent-tree.js";
import { findIndirect } from "./indirect-blocks.js";
import { type Inode, InodeFlag } from "./inode.js";
import type { Superblock } from "./superblock.js";

/** Consecutive logical blocks that lie consecutively on disk, or that are all zeros. */
export interface BlockRun {
  /** First logical block. */
  logical: number;
  /** In blocks; at least 1 once found. */
  count: number;
  /** First block on disk; 0 for a hole and for what was allocated but never written. */
  physical: number;
}

export interface MapContext {
  superblock: Superblock;
  blocks: BlockReader;
  /** True the first time a metadata block is asked about: its checksum is worth computing. */
  firstUse(blockNumber: number): boolean;
  /** Told once for each structure whose checksum is wrong although it looks right. */
  warn(problem: string): void;
}

/** Makes `run` hold `logical`, unless it does already. Throws `corrupt` for maps that lead astray. */
export function findRun(context: MapContext, inode: Inode, logical: number, run: BlockRun): void {
  if (logical >= run.logical && logical < run.logical + run.count) return;
  run.count = 0;
  if ((inode.flags & InodeFlag.extents) !== 0) findExtent(context, inode, logical, run);
  else findIndirect(context, inode, logical, run);
}
