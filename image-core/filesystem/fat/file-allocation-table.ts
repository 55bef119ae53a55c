/**
 * The file allocation table: 12, 16 or 32 bits a cluster. FAT specification 1.03, "FAT Data Structure".
 * Read through the block cache, a few KiB at a time, however large it is.
 */
import type { BlockCache } from "../../cache/block-cache.js";
import { at, ImageError } from "../../errors.js";
import type { ByteSource } from "../../source/byte-source.js";
import { type ClusterTable, END_OF_CHAIN } from "./cluster-chain.js";
import type { FatGeometry } from "./geometry.js";

const BLOCK = 4096;
const COUNT_BYTES = 65_536;

export class FileAllocationTable implements ClusterTable {
  private readonly start: number;
  private readonly bits: number;
  private readonly clusterCount: number;
  private readonly bad: number;

  /** `index`: which of the FATs. `cache` has blocks of 4096 bytes. */
  constructor(
    private readonly cache: BlockCache,
    geometry: FatGeometry,
    index: number,
  ) {
    this.start = geometry.fatStart + index * geometry.fatSize;
    this.bits = geometry.fatBits;
    this.clusterCount = geometry.clusterCount;
    this.bad = this.bits === 12 ? 0xff7 : this.bits === 16 ? 0xfff7 : 0x0ffffff7;
  }

  next(cluster: number): number {
    const value = this.entry(cluster);
    return value > this.bad ? END_OF_CHAIN : value;
  }

  problem(cluster: number): string | undefined {
    if (cluster >= 2 && cluster <= this.clusterCount + 1) return undefined;
    if (cluster === this.bad) return "the chain goes on in a cluster marked bad";
    if (cluster === 0) return "the chain goes on in a free cluster";
    return `the chain goes on in cluster ${cluster} of ${this.clusterCount + 1}`;
  }

  /** What the table holds for `cluster`: 28 bits of it on FAT32, whose upper four are reserved. */
  entry(cluster: number): number {
    if (this.bits === 12) {
      const position = this.start + cluster + (cluster >>> 1);
      const pair = this.byte(position) | (this.byte(position + 1) << 8);
      return (cluster & 1) === 0 ? pair & 0xfff : pair >>> 4;
    }
    const width = this.bits >>> 3;
    const position = this.start + cluster * width;
    if (position + width > this.cache.size) throw this.cutOff(position);
    const index = Math.floor(position / BLOCK);
    const bytes = this.cache.block(index);
    const i = position - index * BLOCK;
    if (width === 2) return bytes[i] | (bytes[i + 1] << 8);
    return bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | ((bytes[i + 3] & 15) << 24);
  }

  /** Entries of 0. Past the cache: two terabytes have 256 MiB of them. `source`: the cache's. */
  countFree(source: ByteSource): number {
    let free = 0;
    if (this.bits === 12) {
      for (let cluster = 2; cluster < this.clusterCount + 2; cluster++) {
        if (this.entry(cluster) === 0) free++;
      }
      return free;
    }
    const width = this.bits >>> 3;
    const end = this.start + (this.clusterCount + 2) * width;
    const bytes = new Uint8Array(COUNT_BYTES);
    for (let from = this.start + 2 * width; from < end; from += COUNT_BYTES) {
      const got = source.read(from, bytes, 0, Math.min(COUNT_BYTES, end - from));
      for (let i = 0; i + width <= got; i += width) {
        const low = bytes[i] | bytes[i + 1];
        if ((width === 2 ? low : low | bytes[i + 2] | (bytes[i + 3] & 15)) === 0) free++;
      }
      // Nothing is free where the image has ended.
      if (got < COUNT_BYTES) break;
    }
    return free;
  }

  private byte(position: number): number {
    if (position >= this.cache.size) throw this.cutOff(position);
    const index = Math.floor(position / BLOCK);
    return this.cache.block(index)[position - index * BLOCK];
  }

  private cutOff(position: number): ImageError {
    return new ImageError(
      "truncated",
      "fat",
      `FAT entry ${at(position)}: the image ends ${at(this.cache.size)}`,
    );
  }
}
