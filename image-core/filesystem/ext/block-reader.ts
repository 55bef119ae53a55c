/** Metadata by block number, through one bounded cache (8 MiB, least recently used out first). */
import { BlockCache } from "../../cache/block-cache.js";
import { corrupt, ImageError } from "../../errors.js";
import type { ByteSource } from "../../source/byte-source.js";
import { FORMAT } from "./superblock.js";

const CACHE_BYTES = 8 * 1024 * 1024;

export class BlockReader {
  private readonly cache: BlockCache;

  constructor(
    readonly source: ByteSource,
    readonly blockSize: number,
    private readonly blocksCount: number,
  ) {
    this.cache = new BlockCache(source, blockSize, CACHE_BYTES / blockSize);
  }

  /**
   * The block's bytes, not a copy: valid until the next call. `structure` names it in errors, `of`
   * goes behind that: apart, since reading a file must not put strings together.
   */
  block(number: number, structure: string, of?: number): Uint8Array {
    if (number >= this.blocksCount) {
      throw corrupt(
        FORMAT,
        named(structure, of),
        number * this.blockSize,
        `block ${number} of ${this.blocksCount}`,
      );
    }
    if ((number + 1) * this.blockSize > this.source.size) {
      throw new ImageError(
        "truncated",
        FORMAT,
        `${named(structure, of)}: block ${number} lies behind the image's end (${this.source.size} bytes)`,
      );
    }
    return this.cache.block(number);
  }
}

function named(structure: string, of: number | undefined): string {
  return of === undefined ? structure : `${structure} ${of}`;
}
