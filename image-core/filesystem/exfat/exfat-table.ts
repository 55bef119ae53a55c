/** The file allocation table: 32 bits a cluster. exFAT specification 1.00, section 4.1. */
import type { BlockCache } from "../../cache/block-cache.js";
import { at, ImageError } from "../../errors.js";
import { type ClusterTable, END_OF_CHAIN } from "../fat/cluster-chain.js";

const BLOCK = 4096;
const BAD_CLUSTER = 0xfffffff7;

export class ExfatTable implements ClusterTable {
  /** `start`: where the table begins, in bytes. `cache` has blocks of 4096 bytes. */
  constructor(
    private readonly cache: BlockCache,
    private readonly start: number,
    private readonly clusterCount: number,
  ) {}

  next(cluster: number): number {
    const position = this.start + cluster * 4;
    if (position + 4 > this.cache.size) {
      throw new ImageError(
        "truncated",
        "exfat",
        `FAT entry ${at(position)}: the image ends ${at(this.cache.size)}`,
      );
    }
    const index = Math.floor(position / BLOCK);
    const bytes = this.cache.block(index);
    const i = position - index * BLOCK;
    const value =
      (bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24)) >>> 0;
    return value > BAD_CLUSTER ? END_OF_CHAIN : value;
  }

  problem(cluster: number): string | undefined {
    if (cluster >= 2 && cluster <= this.clusterCount + 1) return undefined;
    if (cluster === BAD_CLUSTER) return "the chain goes on in a cluster marked bad";
    if (cluster === 0) return "the chain goes on in a free cluster";
    return `the chain goes on in cluster ${cluster} of ${this.clusterCount + 1}`;
  }
}
