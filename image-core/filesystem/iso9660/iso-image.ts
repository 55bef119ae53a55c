/**
 * What all trees of one image share: its bytes, the cache of its directories, its geometry and the
 * owner shown where none is stored.
 */
import { BlockCache } from "../../cache/block-cache.js";
import type { ByteSource } from "../../source/byte-source.js";
import { LOGICAL_SECTOR } from "./directory-record.js";
import type { VolumeDescriptor } from "./volume-descriptor.js";

/** Directories mostly lie side by side, so one read brings several. */
const CACHE_BLOCK = 32 * 1024;
/** 8 MiB. */
const CACHE_BLOCKS = 256;

/** An extended attribute record's length is one byte. */
const MAX_ATTRIBUTE_BLOCKS = 255;

export class IsoImage {
  readonly cache: BlockCache;
  /** Logical block size in bytes: 512, 1024 or 2048. */
  readonly blockSize: number;
  /** No sane extent begins at or behind this logical block. */
  readonly blocks: number;

  constructor(
    readonly source: ByteSource,
    descriptor: VolumeDescriptor,
    readonly highSierra: boolean,
    readonly owner: { uid: number; gid: number },
  ) {
    this.cache = new BlockCache(source, CACHE_BLOCK, CACHE_BLOCKS);
    const size = descriptor.logicalBlockSize;
    this.blockSize = size === 512 || size === 1024 ? size : LOGICAL_SECTOR;
    this.blocks = Math.max(descriptor.volumeSpaceSize, Math.ceil(source.size / this.blockSize));
  }

  /** No directory that is shown begins behind this byte; it may lie behind the end of a cut-off image. */
  get lastStart(): number {
    return (this.blocks + MAX_ATTRIBUTE_BLOCKS) * this.blockSize;
  }

  /** The cached block with the byte at `position`; valid until the next call that reads. */
  blockAt(position: number): Uint8Array {
    return this.cache.block(Math.floor(position / CACHE_BLOCK));
  }

  /** Where `position` lies in its block. */
  insideBlock(position: number): number {
    return position % CACHE_BLOCK;
  }

  /** Bytes from `position` to the end of its block. */
  blockRest(position: number): number {
    return CACHE_BLOCK - (position % CACHE_BLOCK);
  }
}
