/** A directory's 32-byte entries, whichever clusters they lie in. */
import type { BlockCache } from "../../cache/block-cache.js";
import { at } from "../../errors.js";
import { type ClusterTable, END_OF_CHAIN } from "./cluster-chain.js";

export const ENTRY_BYTES = 32;
const BLOCK = 4096;

export class DirectoryStream {
  /** What `seek` found: the entry's bytes lie in `bytes` from `offset`, until the cache reads again. */
  bytes: Uint8Array = new Uint8Array(0);
  offset = 0;
  /** Of that entry, in the volume. */
  position = 0;

  /** Bytes in all extents. */
  size = 0;
  /** Why the directory ends before its end, if it does. */
  problem: string | undefined;

  private readonly starts: number[] = [];
  /** Slots before and in each extent. */
  private readonly ends: number[] = [];
  private current = 0;

  /** `cache` has blocks of 4096 bytes. */
  constructor(private readonly cache: BlockCache) {}

  /** Appends an extent; both in bytes and multiples of 32. */
  append(position: number, length: number): void {
    const last = this.starts.length - 1;
    this.size += length;
    if (last >= 0) {
      const begin = last === 0 ? 0 : this.ends[last - 1];
      if (this.starts[last] + (this.ends[last] - begin) * ENTRY_BYTES === position) {
        this.ends[last] += length / ENTRY_BYTES;
        return;
      }
    }
    this.starts.push(position);
    this.ends.push(this.size / ENTRY_BYTES);
  }

  /** Appends the chain from `first`, at most `limit` clusters; a circle ends it. */
  appendChain(
    table: ClusterTable,
    first: number,
    limit: number,
    positionOf: (cluster: number) => number,
    clusterSize: number,
  ): void {
    const seen = new Set<number>();
    for (let cluster = first; cluster !== END_OF_CHAIN; cluster = table.next(cluster)) {
      this.problem = table.problem(cluster);
      if (seen.has(cluster)) this.problem = `the chain comes back to cluster ${cluster}`;
      else if (seen.size === limit) this.problem = `longer than ${limit} clusters`;
      if (this.problem !== undefined) return;
      seen.add(cluster);
      this.append(positionOf(cluster), clusterSize);
    }
  }

  /** Moves to entry `slot`; false behind the last one. Nor is there one where the image ends. */
  seek(slot: number): boolean {
    if (slot * ENTRY_BYTES >= this.size) return false;
    if (this.current > 0 && slot < this.ends[this.current - 1]) this.current = 0;
    while (slot >= this.ends[this.current]) this.current++;
    const begin = this.current === 0 ? 0 : this.ends[this.current - 1];
    this.position = this.starts[this.current] + (slot - begin) * ENTRY_BYTES;
    if (this.position + ENTRY_BYTES > this.cache.size) {
      this.problem = `its entry ${at(this.position)} lies behind the end of the image`;
      return false;
    }
    const block = Math.floor(this.position / BLOCK);
    this.bytes = this.cache.block(block);
    this.offset = this.position - block * BLOCK;
    return true;
  }
}
