/** A logical volume's partitions: from a block number within one to a place in the volume. */
import { corrupt, ImageError } from "../../errors.js";
import { type ByteRun, type Extents, HOLE } from "./extents.js";

export interface Partition {
  readonly kind: "physical" | "virtual" | "sparable" | "metadata" | "missing";
  /** As its descriptor says; 0 where that does not count. */
  readonly blocks: number;
  /** How many times its blocks are recorded: 2 with a metadata mirror. */
  readonly copies: number;
  /**
   * The longest run in one place from `block`, at most `count` blocks, in bytes. Whether it lies in
   * the image is seen when it is read: descriptors of growing media state too short a length.
   */
  find(block: number, count: number, copy: number, run: ByteRun): void;
}

export class PhysicalPartition implements Partition {
  readonly kind = "physical";
  readonly copies = 1;

  constructor(
    /** In bytes of the volume. */
    readonly start: number,
    readonly blocks: number,
    private readonly blockSize: number,
  ) {}

  find(block: number, count: number, _copy: number, run: ByteRun): void {
    run.position = this.start + block * this.blockSize;
    run.length = count * this.blockSize;
  }
}

/** Damaged packets of rewritable discs have their contents elsewhere (UDF 2.2.9). */
export class SparablePartition implements Partition {
  readonly kind = "sparable";
  readonly copies = 1;

  constructor(
    private readonly below: PhysicalPartition,
    /** In blocks. */
    private readonly packetLength: number,
    /** Position in the volume of the packet that stands in for the one that begins at the key. */
    private readonly spared: ReadonlyMap<number, number>,
    private readonly blockSize: number,
  ) {}

  get blocks(): number {
    return this.below.blocks;
  }

  find(block: number, count: number, copy: number, run: ByteRun): void {
    if (this.spared.size === 0) {
      this.below.find(block, count, copy, run);
      return;
    }
    const inside = block % this.packetLength;
    const instead = this.spared.get(block - inside);
    if (instead !== undefined) {
      run.position = instead + inside * this.blockSize;
      run.length = Math.min(count, this.packetLength - inside) * this.blockSize;
      return;
    }
    let end = block - inside + this.packetLength;
    while (end < block + count && !this.spared.has(end)) end += this.packetLength;
    this.below.find(block, Math.min(count, end - block), copy, run);
  }
}

/** Blocks of write-once discs are found through a table, so that they can be replaced (UDF 2.2.8). */
export class VirtualPartition implements Partition {
  readonly kind = "virtual";
  readonly copies = 1;

  constructor(
    private readonly below: Partition,
    /** Block numbers within the partition below. */
    private readonly table: Uint32Array,
  ) {}

  get blocks(): number {
    return this.below.blocks;
  }

  find(block: number, count: number, copy: number, run: ByteRun): void {
    const { table } = this;
    const first = block < table.length ? table[block] : UNALLOCATED;
    if (first === UNALLOCATED) {
      throw corrupt(
        "udf",
        `virtual block ${block}`,
        block * 4,
        `no entry in the virtual allocation table of ${table.length}`,
      );
    }
    let blocks = 1;
    while (blocks < count && table[block + blocks] === first + blocks) blocks++;
    this.below.find(first, blocks, copy, run);
  }
}

const UNALLOCATED = 0xffffffff;

/** Its blocks are those of a file, recorded twice (UDF 2.2.10). */
export class MetadataPartition implements Partition {
  readonly kind = "metadata";

  /** `files`: the metadata file and its mirror, as far as each is readable; at least one. */
  constructor(
    private readonly files: readonly Extents[],
    private readonly blockSize: number,
  ) {}

  get copies(): number {
    return this.files.length;
  }

  get blocks(): number {
    return Math.floor(this.files[0].end / this.blockSize);
  }

  find(block: number, count: number, copy: number, run: ByteRun): void {
    const file = this.files[copy];
    const position = block * this.blockSize;
    if (position >= file.end) {
      throw corrupt(
        "udf",
        `metadata block ${block}`,
        position,
        `the metadata file has ${file.end} bytes`,
      );
    }
    file.find(position, run);
    if (run.position === HOLE) {
      throw corrupt("udf", `metadata block ${block}`, position, "a hole in the metadata file");
    }
    run.length = Math.min(run.length, count * this.blockSize);
  }
}

/** A partition that nothing describes: what lies elsewhere stays readable. */
export class MissingPartition implements Partition {
  readonly kind = "missing";
  readonly blocks = 0;
  readonly copies = 1;

  constructor(private readonly problem: string) {}

  find(block: number): void {
    throw new ImageError("corrupt", "udf", `block ${block}: ${this.problem}`);
  }
}
