/**
 * Which chunk of an image holds which bytes: a sorted table without gaps, in typed arrays (25 bytes
 * a chunk), because images of a hundred gigabytes have half a million chunks.
 */
import { at, corrupt, ImageError } from "../errors.js";

/** Kinds that need no decoding; a format gives its codecs numbers from `FIRST_CODEC`. */
export const ChunkKind = {
  /** Stored as zeros. */
  zero: 0,
  /** Verbatim. */
  raw: 1,
  /** Not stored and of no interest to the maker of the image; reads as zeros. */
  absent: 2,
} as const;

export const FIRST_CODEC = 3;

export interface ChunkTable {
  readonly count: number;
  /** Where each chunk begins in the decoded image, and at `count` the image's size. */
  readonly starts: Float64Array;
  readonly kinds: Uint8Array;
  /** Where each chunk's stored bytes begin, and how many they are; 0 where none are stored. */
  readonly positions: Float64Array;
  readonly lengths: Float64Array;
}

/** Collects chunks in any order. */
export class ChunkTableBuilder {
  private count = 0;
  private starts = new Float64Array(64);
  private ends = new Float64Array(64);
  private kinds = new Uint8Array(64);
  private positions = new Float64Array(64);
  private lengths = new Float64Array(64);
  private sorted = true;

  constructor(private readonly format: string) {}

  /** The values are safe integers that the caller checked; `length` is the decoded one, above 0. */
  add(start: number, length: number, kind: number, position: number, stored: number): void {
    if (this.count === this.kinds.length) this.grow();
    const i = this.count++;
    if (i > 0 && start < this.ends[i - 1]) this.sorted = false;
    this.starts[i] = start;
    this.ends[i] = start + length;
    this.kinds[i] = kind;
    this.positions[i] = position;
    this.lengths[i] = stored;
  }

  /**
   * The table of an image of `size` bytes: sorted, gaps filled as absent, neighbours that read as
   * one joined. Throws `corrupt` where chunks overlap or lie outside.
   */
  build(size: number): ChunkTable {
    const order = this.order();
    const joined = new ChunkTableBuilder(this.format);
    let end = 0;
    for (let n = 0; n < this.count; n++) {
      const i = order === undefined ? n : order[n];
      if (this.starts[i] < end) {
        throw corrupt(
          this.format,
          "chunk",
          this.starts[i],
          `overlaps the one before it, which ends ${at(end)}`,
        );
      }
      if (this.starts[i] > end) {
        joined.join(end, this.starts[i] - end, ChunkKind.absent, 0, 0);
      }
      joined.join(
        this.starts[i],
        this.ends[i] - this.starts[i],
        this.kinds[i],
        this.positions[i],
        this.lengths[i],
      );
      end = this.ends[i];
    }
    if (end > size) {
      throw new ImageError(
        "corrupt",
        this.format,
        `the last chunk ends ${at(end)}, the disk of ${size} bytes ${at(size)}`,
      );
    }
    if (end < size) joined.join(end, size - end, ChunkKind.absent, 0, 0);
    const { count } = joined;
    const starts = new Float64Array(count + 1);
    starts.set(joined.starts.subarray(0, count));
    starts[count] = size;
    return {
      count,
      starts,
      kinds: joined.kinds.slice(0, count),
      positions: joined.positions.slice(0, count),
      lengths: joined.lengths.slice(0, count),
    };
  }

  /** Adds a chunk, or lengthens the last one if both read as one. */
  private join(
    start: number,
    length: number,
    kind: number,
    position: number,
    stored: number,
  ): void {
    const last = this.count - 1;
    if (last >= 0 && kind < FIRST_CODEC && this.kinds[last] === kind) {
      const isNext =
        kind !== ChunkKind.raw || this.positions[last] + this.lengths[last] === position;
      if (isNext) {
        this.ends[last] = start + length;
        this.lengths[last] += stored;
        return;
      }
    }
    this.add(start, length, kind, position, stored);
  }

  private order(): Uint32Array | undefined {
    if (this.sorted) return undefined;
    const { starts } = this;
    return Uint32Array.from({ length: this.count }, (_, i) => i).sort(
      (a, b) => starts[a] - starts[b] || a - b,
    );
  }

  private grow(): void {
    const wider = <T extends Float64Array | Uint8Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    const capacity = this.kinds.length * 2;
    this.starts = wider(this.starts, new Float64Array(capacity));
    this.ends = wider(this.ends, new Float64Array(capacity));
    this.kinds = wider(this.kinds, new Uint8Array(capacity));
    this.positions = wider(this.positions, new Float64Array(capacity));
    this.lengths = wider(this.lengths, new Float64Array(capacity));
  }
}
