/** Where the bytes of a file lie in the volume: its allocation descriptors, resolved once. */
import { corrupt } from "../../errors.js";
import type { ByteSource, HostRange } from "../../source/byte-source.js";

/** Stands for a position where nothing is recorded: zeros. */
export const HOLE = -1;

/** The longest piece of a file in one place. Reused by callers. */
export interface ByteRun {
  /** In the volume, or `HOLE`. */
  position: number;
  length: number;
}

const run: ByteRun = { position: 0, length: 0 };

export class Extents {
  /** Where the last run ends; less than the file's length if its descriptors end early. */
  readonly end: number;

  private constructor(
    /** File offset of each run, ascending, then that of the end. */
    private readonly starts: readonly number[],
    /** Position of each run in the volume, or `HOLE`. */
    private readonly positions: readonly number[],
  ) {
    this.end = starts[starts.length - 1];
  }

  /** How much memory this takes, in runs. */
  get count(): number {
    return this.positions.length;
  }

  /** From pairs of position and length, in the file's order. */
  static from(runs: readonly number[]): Extents {
    const starts: number[] = [0];
    const positions: number[] = [];
    for (let i = 0; i < runs.length; i += 2) {
      const [position, length] = [runs[i], runs[i + 1]];
      const last = positions.length - 1;
      const continues =
        last >= 0 &&
        (position === HOLE
          ? positions[last] === HOLE
          : positions[last] !== HOLE &&
            positions[last] + starts[last + 1] - starts[last] === position);
      if (continues) starts[last + 1] += length;
      else {
        positions.push(position);
        starts.push(starts[last + 1] + length);
      }
    }
    return new Extents(starts, positions);
  }

  /** The rest of the run that holds byte `position`, which lies before `end`. */
  find(position: number, found: ByteRun): void {
    let low = 0;
    let high = this.positions.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle] <= position) low = middle;
      else high = middle - 1;
    }
    const inside = position - this.starts[low];
    found.length = this.starts[low + 1] - position;
    found.position = this.positions[low] === HOLE ? HOLE : this.positions[low] + inside;
  }

  /** As `ByteSource.read` over a file of `size` bytes that lies in `source`. */
  read(
    source: ByteSource,
    size: number,
    position: number,
    target: Uint8Array,
    offset: number,
    length: number,
  ): number {
    const wanted = Math.min(length, size - position);
    let done = 0;
    while (done < wanted) {
      if (position + done >= this.end) {
        throw corrupt(
          "udf",
          "file",
          position + done,
          `its extents hold ${this.end} of ${size} bytes`,
        );
      }
      this.find(position + done, run);
      const count = Math.min(run.length, wanted - done);
      if (run.position === HOLE) target.fill(0, offset + done, offset + done + count);
      else {
        const got = source.read(run.position, target, offset + done, count);
        if (got < count) {
          throw corrupt("udf", "extent", run.position, `${got} of ${count} bytes lie in the image`);
        }
      }
      done += count;
    }
    return Math.max(0, wanted);
  }

  /** As `ByteSource.locate` over a file of `size` bytes. */
  locate(
    source: ByteSource,
    size: number,
    position: number,
    length: number,
    range: HostRange,
  ): boolean {
    if (position >= Math.min(size, this.end)) return false;
    this.find(position, run);
    if (run.position === HOLE || source.locate === undefined) return false;
    const count = Math.min(run.length, length, size - position);
    return source.locate(run.position, count, range);
  }
}
