/** Finding an inode by its number. */
import { corrupt } from "../../errors.js";
import type { BlockReader } from "./block-reader.js";
import type { GroupDescriptors } from "./group-descriptors.js";
import { FORMAT, type Superblock } from "./superblock.js";

export class InodeTable {
  private readonly perBlock: number;
  private readonly scratch: Uint8Array;
  /** The inode that `scratch` holds: a listing asks for each twice. */
  private loaded = 0;
  /** The group asked for last, and the first block of its table. */
  private group = -1;
  private table = 0;

  constructor(
    private readonly superblock: Superblock,
    private readonly descriptors: GroupDescriptors,
    private readonly blocks: BlockReader,
  ) {
    this.perBlock = superblock.blockSize / superblock.inodeSize;
    this.scratch = new Uint8Array(superblock.inodeSize);
  }

  /**
   * The inode as stored, in a buffer that the next call overwrites. Throws `corrupt` for a number
   * outside the table and for an inode that is not in use.
   */
  load(number: number): Uint8Array {
    if (number === this.loaded) return this.scratch;
    const { inodesCount, inodesPerGroup, inodeSize } = this.superblock;
    if (number < 1 || number > inodesCount) {
      throw corrupt(FORMAT, "inode table", 0, `inode ${number} of ${inodesCount}`);
    }
    const group = Math.floor((number - 1) / inodesPerGroup);
    const index = (number - 1) % inodesPerGroup;
    if (group !== this.group) {
      this.table = this.descriptors.inodeTable(group);
      this.group = group;
    }
    const blockNumber = this.table + Math.floor(index / this.perBlock);
    const block = this.blocks.block(blockNumber, "inode table");
    const start = (index % this.perBlock) * inodeSize;
    for (let i = 0; i < inodeSize; i++) this.scratch[i] = block[start + i];
    this.loaded = number;
    return this.scratch;
  }
}
