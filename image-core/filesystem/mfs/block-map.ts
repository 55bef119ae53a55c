/**
 * The volume allocation block map: 12 bits for each allocation block, the number of the next block
 * of the same fork (Inside Macintosh II-122, "Volume Allocation Block Map").
 */
import { at } from "../../errors.js";

/** Blocks 0 and 1 do not exist: as entries their numbers mean something else. */
export const FIRST_ALLOCATION_BLOCK = 2;
/** 12 bits name no block beyond; 0xFFF is `DIRECTORY`. */
export const MAX_ALLOCATION_BLOCKS = 0xfff - FIRST_ALLOCATION_BLOCK;

const FREE = 0;
const END_OF_FORK = 1;
/** The block belongs to the file directory. */
const DIRECTORY = 0xfff;

export interface Chain {
  /** Blocks in fork order, each as an extent of its own: `ExtentMap` joins them. */
  extents: number[];
  /** What ended the chain before it was long enough. */
  broken?: string;
}

export function blockMapBytes(allocationBlocks: number): number {
  return Math.ceil((allocationBlocks * 3) / 2);
}

export class BlockMap {
  constructor(
    /** `blockMapBytes` long. */
    private readonly bytes: Uint8Array,
    /** Where they lie on the volume, for errors. */
    private readonly offset: number,
    /** At most `MAX_ALLOCATION_BLOCKS`. */
    readonly allocationBlocks: number,
  ) {}

  /** The blocks of a fork from `first` on, as many as it needs or as the map holds. */
  chain(first: number, neededBlocks: number): Chain {
    const extents: number[] = [];
    const visited = new Uint8Array(FIRST_ALLOCATION_BLOCK + this.allocationBlocks);
    let block = first;
    let previous = 0;
    for (let found = 0; found < neededBlocks; found++) {
      const problem = visited[block] === 1 ? "leads in a circle" : this.problem(block);
      if (problem !== undefined) return { extents, broken: `${this.link(previous)} ${problem}` };
      visited[block] = 1;
      extents.push(block, 1);
      previous = block;
      block = this.entry(block);
    }
    return { extents };
  }

  private problem(block: number): string | undefined {
    if (block === FREE) return "is 0, for a free block";
    if (block === END_OF_FORK) return "ends the fork";
    if (block === DIRECTORY) return "belongs to the file directory";
    const last = FIRST_ALLOCATION_BLOCK + this.allocationBlocks - 1;
    return block > last ? `leads to block ${block}, the last one is ${last}` : undefined;
  }

  /** What led to a block: the map entry of the one before, if there was one. */
  private link(previous: number): string {
    return previous === 0
      ? "its first block"
      : `block map entry ${previous} ${at(this.offset + this.byteOf(previous))}`;
  }

  private entry(block: number): number {
    const { bytes } = this;
    const byte = this.byteOf(block);
    return block % 2 === 0
      ? (bytes[byte] << 4) | (bytes[byte + 1] >> 4)
      : ((bytes[byte] & 15) << 8) | bytes[byte + 1];
  }

  private byteOf(block: number): number {
    return ((block - FIRST_ALLOCATION_BLOCK) * 3) >> 1;
  }
}
