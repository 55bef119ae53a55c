/**
 * The file allocation table: 12, 16 or 32 bits a cluster. FAT specification 1.03, "FAT Data Structure".
 * Read through the block cache, a few KiB at a time, however large it is.
 */
import type { BlockCache } from "../../cache/block-cache.js";
import { at, ImageError } from "../../errors.js";
import { type ClusterTable, END_OF_CHAIN } from "./cluster-chain.js";
import type { FatGeometry } from "./geometry.js";

const BLOCK = 4096;

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
