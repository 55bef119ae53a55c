/**
 * A cache of aligned blocks over a source, for metadata: directory records, B-tree nodes, tables.
 * File contents bypass it (the kernel's page cache holds those).
 *
 * Policy: least recently used out first, strictly `capacity` blocks, all memory taken on first use
 * of each block and reused ever after. No thread safety: one cache a thread.
 *
 * What cannot be read takes nothing else with it: where a block is unreadable as a whole, `read`
 * reads what it was asked for alone.
 */

import { ImageError } from "../errors.js";
import type { ByteSource, HostRange } from "../source/byte-source.js";
import { cacheCounts } from "./cache-counts.js";

export class BlockCache implements ByteSource {
  readonly size: number;
  private readonly blocks = new Map<number, Uint8Array>();
  private lastIndex = -1;
  private lastBlock: Uint8Array = new Uint8Array(0);

  constructor(
    private readonly source: ByteSource,
    /** Bytes a block; a power of two. */
    private readonly blockSize = 4096,
    private readonly capacity = 512,
  ) {
    this.size = source.size;
  }

  read(position: number, target: Uint8Array, offset: number, length: number): number {
    if (position >= this.size) return 0;
    const end = Math.min(this.size, position + length);
    let from = position;
    while (from < end) {
      const block = Math.floor(from / this.blockSize);
      const inside = from - block * this.blockSize;
      const count = Math.min(this.blockSize - inside, end - from);
      const bytes = this.readableBlock(block);
      if (bytes === undefined) this.source.read(from, target, offset, count);
      else if (inside === 0 && count === bytes.length) target.set(bytes, offset);
      else copy(bytes, inside, target, offset, count);
      from += count;
      offset += count;
    }
    return end - position;
  }

  /** As `block`; undefined if something in it, which need not be what is wanted, is unreadable. */
  readableBlock(index: number): Uint8Array | undefined {
    try {
      return this.block(index);
    } catch (error) {
      if (error instanceof ImageError) return undefined;
      throw error;
    }
  }

  /**
   * The block itself, without a copy; valid until the next call that reads. The last block of a
   * source may be followed by stale bytes: `size` says where the source ends.
   */
  block(index: number): Uint8Array {
    // Records follow each other: most calls want the block of the call before.
    if (index === this.lastIndex) {
      cacheCounts.hits++;
      return this.lastBlock;
    }
    const cached = this.blocks.get(index);
    if (cached !== undefined) {
      cacheCounts.hits++;
      if (this.blocks.size === this.capacity) {
        // Only a full cache evicts, so only a full cache needs the order of use.
        this.blocks.delete(index);
        this.blocks.set(index, cached);
      }
      this.lastIndex = index;
      this.lastBlock = cached;
      return cached;
    }
    cacheCounts.misses++;
    // The block about to be reused may be the last one.
    this.lastIndex = -1;
    let bytes: Uint8Array;
    if (this.blocks.size < this.capacity) {
      bytes = new Uint8Array(this.blockSize);
    } else {
      const oldest = this.blocks.entries().next().value as [number, Uint8Array];
      this.blocks.delete(oldest[0]);
      bytes = oldest[1];
    }
    // A throw here forgets `bytes`, never caches half a block.
    this.source.read(index * this.blockSize, bytes, 0, this.blockSize);
    this.blocks.set(index, bytes);
    this.lastIndex = index;
    this.lastBlock = bytes;
    return bytes;
  }

  locate(position: number, length: number, range: HostRange): boolean {
    return this.source.locate?.(position, length, range) ?? false;
  }
}

/** Small copies in a loop: cheaper than a subarray for the few bytes of a record. */
function copy(from: Uint8Array, at: number, to: Uint8Array, offset: number, count: number): void {
  if (count > 64) {
    to.set(from.subarray(at, at + count), offset);
    return;
  }
  for (let i = 0; i < count; i++) to[offset + i] = from[at + i];
}
