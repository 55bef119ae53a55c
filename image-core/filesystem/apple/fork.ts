/** The bytes of one fork, over its extents. */
import { at, ImageError } from "../../errors.js";
import type { ByteSource, HostRange } from "../../source/byte-source.js";
import type { ForkDescription } from "./catalog-entry.js";
import { type AllocationBlocks, ExtentMap, type OverflowLookup } from "./extents.js";

export class Fork implements ByteSource {
  /** Of the run that served the last read: sequential reads do not search. */
  private run = 0;
  /** Bytes that the extents cover; a damaged fork's `size` may lie beyond. */
  private readonly covered: number;

  /** `what` names the fork in errors: `data fork of CNID 20`. */
  constructor(
    private readonly device: ByteSource,
    private readonly blocks: AllocationBlocks,
    readonly extents: ExtentMap,
    readonly size: number,
    private readonly format: string,
    private readonly what: string,
    /** Why the extents end where they do, if that is known to be wrong. */
    private readonly broken?: string,
  ) {
    this.covered = extents.blockCount * blocks.size;
  }

  /** Bytes of the fork that the image can hold at all, whatever `size` and the extents claim. */
  get heldBytes(): number {
    return Math.min(this.size, this.covered, this.device.size);
  }

  /** Throws `corrupt` for a range that the extents do not cover, `truncated` behind the image's end. */
  read(position: number, target: Uint8Array, offset: number, length: number): number {
    if (position >= this.size) return 0;
    const end = Math.min(this.size, position + length);
    if (end > this.covered) throw this.uncovered(Math.max(position, this.covered));
    let from = position;
    while (from < end) {
      const run = this.seek(from);
      const runStart = this.extents.fileBlocks[run] * this.blocks.size;
      const count = Math.min(end, this.extents.endOf(run) * this.blocks.size) - from;
      const where = this.deviceStart(run) + from - runStart;
      const got = this.device.read(where, target, offset, count);
      if (got < count) {
        throw new ImageError(
          "truncated",
          this.format,
          `${this.what}: ${count} bytes ${at(where)}, the image ends ${at(this.device.size)}`,
        );
      }
      from += count;
      offset += count;
    }
    return end - position;
  }

  locate(position: number, length: number, range: HostRange): boolean {
    const end = Math.min(this.size, this.covered);
    if (position >= end || this.device.locate === undefined) return false;
    const run = this.seek(position);
    const runStart = this.extents.fileBlocks[run] * this.blocks.size;
    const count =
      Math.min(end, position + length, this.extents.endOf(run) * this.blocks.size) - position;
    return this.device.locate(this.deviceStart(run) + position - runStart, count, range);
  }

  private seek(position: number): number {
    const fileBlock = Math.floor(position / this.blocks.size);
    const { extents } = this;
    if (fileBlock < extents.fileBlocks[this.run] || fileBlock >= extents.endOf(this.run)) {
      this.run = extents.find(fileBlock);
    }
    return this.run;
  }

  private deviceStart(run: number): number {
    return this.blocks.start + this.extents.startBlocks[run] * this.blocks.size;
  }

  private uncovered(position: number): ImageError {
    return new ImageError(
      "corrupt",
      this.format,
      `${this.what}: nothing holds byte ${position}, its extents cover ${this.covered} of ${this.size} bytes${this.broken === undefined ? "" : `: ${this.broken}`}`,
    );
  }
}

/** A fork with the extents that its size needs. `what` names it in errors. */
export function openFork(
  device: ByteSource,
  blocks: AllocationBlocks,
  fork: ForkDescription,
  format: string,
  what: string,
  overflow?: OverflowLookup,
): Fork {
  const neededBlocks = Math.ceil(fork.logicalSize / blocks.size);
  const extents = ExtentMap.gather(fork.extents, overflow, neededBlocks, blocks, format);
  return new Fork(device, blocks, extents, fork.logicalSize, format, what);
}
