/** The blocks of a logical volume, addressed by partition reference and block number. */
import { BlockCache } from "../../cache/block-cache.js";
import { at, corrupt, ImageError } from "../../errors.js";
import type { ByteSource } from "../../source/byte-source.js";
import { descriptorProblem, tagIdentifier, viewOf } from "./descriptor-tag.js";
import type { ByteRun } from "./extents.js";
import type { Partition } from "./partition.js";

/** A block within a partition of the logical volume (lb_addr, ECMA-167 4/7.1). */
export interface BlockAddress {
  partition: number;
  block: number;
}

export interface Descriptor {
  /** The whole block. Valid until the next descriptor is read. */
  bytes: Uint8Array;
  /** Where in the volume it was read. */
  position: number;
}

/** A descriptor that fills a block, where it lies. Reused: valid until metadata is read again. */
interface FoundDescriptor {
  /** The block begins at `at` and has `blockSize` bytes. */
  bytes: Uint8Array;
  /** Of the same bytes: reads a field in one go. */
  view: DataView;
  at: number;
  /** Where in the volume it was read. */
  position: number;
}

/**
 * A directory's ICBs mostly lie side by side, each in a block of its own, so one read brings several.
 * No less than a block, which has at most as many bytes.
 */
const CACHE_BLOCK = 64 * 1024;
/** 4 MiB. */
const CACHE_BLOCKS = 64;

const run: ByteRun = { position: 0, length: 0 };

export class BlockSpace {
  /** For metadata: directories, descriptors, tables. Contents of files bypass it. */
  readonly metadata: BlockCache;
  private readonly block: Uint8Array;
  private readonly found: FoundDescriptor;
  /** By partition reference number; more join while the volume is opened. */
  readonly partitions: Partition[] = [];

  constructor(
    readonly source: ByteSource,
    readonly blockSize: number,
    /** Seconds east of UTC of a local time without zone. */
    readonly localOffset: (secondsSince1970: number) => number,
  ) {
    this.block = new Uint8Array(blockSize);
    this.found = { bytes: this.block, view: viewOf(this.block), at: 0, position: 0 };
    this.metadata = new BlockCache(source, CACHE_BLOCK, CACHE_BLOCKS);
  }

  partition(reference: number): Partition {
    const partition = this.partitions[reference];
    if (partition === undefined) {
      throw new ImageError(
        "corrupt",
        "udf",
        `partition reference ${reference} of ${this.partitions.length}`,
      );
    }
    return partition;
  }

  /**
   * Reads the descriptor at an address and checks its tag; `accepted` are tag
   * identifiers, `structure` names it in errors. Of blocks recorded twice the first good one counts.
   */
  descriptor(address: BlockAddress, accepted: readonly number[], structure: string): Descriptor {
    const { bytes, at, position } = this.find(
      address.partition,
      address.block,
      accepted,
      structure,
    );
    if (bytes !== this.block) this.block.set(bytes.subarray(at, at + this.blockSize));
    return { bytes: this.block, position };
  }

  /** As `descriptor`, and makes no copy where it can be helped. */
  find(
    partition: number,
    block: number,
    accepted: readonly number[],
    structure: string,
  ): FoundDescriptor {
    const { copies } = this.partition(partition);
    for (let copy = 0; ; copy++) {
      try {
        return this.findCopy(partition, block, copy, accepted, structure);
      } catch (error) {
        // Reported is what is wrong with the last copy: none was good.
        if (copy + 1 >= copies || !(error instanceof ImageError)) throw error;
      }
    }
  }

  private findCopy(
    partition: number,
    block: number,
    copy: number,
    accepted: readonly number[],
    structure: string,
  ): FoundDescriptor {
    this.partition(partition).find(block, 1, copy, run);
    const { found } = this;
    this.load(run.position, structure);
    const { bytes, at, position } = found;
    const identifier = tagIdentifier(bytes, at);
    if (!accepted.includes(identifier)) {
      const names = accepted.join(" or ");
      throw corrupt("udf", structure, position, `tag identifier ${identifier} instead of ${names}`);
    }
    const problem = descriptorProblem(bytes, at, at + this.blockSize, block);
    if (problem !== undefined) throw corrupt("udf", structure, position, problem);
    return found;
  }

  /** Sets `found` to the block that begins at `position`. */
  private load(position: number, structure: string): void {
    const { found, metadata, blockSize } = this;
    if (position + blockSize > metadata.size) {
      throw truncated(structure, position, metadata.size);
    }
    const index = Math.floor(position / CACHE_BLOCK);
    const at = position - index * CACHE_BLOCK;
    found.position = position;
    // Where blocks are larger than the sectors that partitions begin at, one may lie across two.
    const cached = at + blockSize <= CACHE_BLOCK ? metadata.readableBlock(index) : undefined;
    if (cached === undefined) metadata.read(position, this.block, 0, blockSize);
    const bytes = cached ?? this.block;
    if (bytes !== found.bytes) {
      found.bytes = bytes;
      found.view = viewOf(bytes);
    }
    found.at = cached === undefined ? 0 : at;
  }
}

function truncated(structure: string, position: number, size: number): ImageError {
  const problem = `${structure} ${at(position)}: the image ends ${at(size)}`;
  return new ImageError("truncated", "udf", problem);
}
