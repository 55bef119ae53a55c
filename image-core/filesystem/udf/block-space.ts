/** The blocks of a logical volume, addressed by partition reference and block number. */
import { BlockCache } from "../../cache/block-cache.js";
import { at, corrupt, ImageError } from "../../errors.js";
import type { ByteSource } from "../../source/byte-source.js";
import { descriptorProblem, tagIdentifier } from "./descriptor-tag.js";
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

/** Bytes of metadata kept. */
const CACHE_BYTES = 2 * 1024 * 1024;

const run: ByteRun = { position: 0, length: 0 };

export class BlockSpace {
  /** For metadata: directories, descriptors, tables. Contents of files bypass it. */
  readonly metadata: ByteSource;
  private readonly block: Uint8Array;
  /** By partition reference number; more join while the volume is opened. */
  readonly partitions: Partition[] = [];

  constructor(
    readonly source: ByteSource,
    readonly blockSize: number,
    /** Seconds east of UTC of a local time without zone. */
    readonly localOffset: (secondsSince1970: number) => number,
  ) {
    this.block = new Uint8Array(blockSize);
    const cached = Math.max(4096, blockSize);
    this.metadata = new BlockCache(source, cached, Math.max(16, CACHE_BYTES / cached));
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
    const { copies } = this.partition(address.partition);
    for (let copy = 0; ; copy++) {
      try {
        return this.descriptorCopy(address, copy, accepted, structure);
      } catch (error) {
        // Reported is what is wrong with the last copy: none was good.
        if (copy + 1 >= copies || !(error instanceof ImageError)) throw error;
      }
    }
  }

  private descriptorCopy(
    address: BlockAddress,
    copy: number,
    accepted: readonly number[],
    structure: string,
  ): Descriptor {
    this.partition(address.partition).find(address.block, 1, copy, run);
    const { position } = run;
    const bytes = this.block;
    if (this.metadata.read(position, bytes, 0, bytes.length) < bytes.length) {
      throw truncated(structure, position, this.source.size);
    }
    const identifier = tagIdentifier(bytes, 0);
    if (!accepted.includes(identifier)) {
      const names = accepted.join(" or ");
      throw corrupt("udf", structure, position, `tag identifier ${identifier} instead of ${names}`);
    }
    const problem = descriptorProblem(bytes, 0, bytes.length, address.block);
    if (problem !== undefined) throw corrupt("udf", structure, position, problem);
    return { bytes, position };
  }
}

function truncated(structure: string, position: number, size: number): ImageError {
  const problem = `${structure} ${at(position)}: the image ends ${at(size)}`;
  return new ImageError("truncated", "udf", problem);
}
