/**
 * The filesystem as it will be once its journal was replayed: some blocks are read from where they
 * lie in the journal. Holds no data, only which block lies where.
 */
import type { ByteSource, HostRange } from "../../source/byte-source.js";

export interface JournaledBlock {
  /** Block of the filesystem that the journal's copy lies in. */
  copy: number;
  /** The copy's first four bytes were the journal's own magic, and were zeroed. */
  escaped: boolean;
}

/** What the first four bytes of an escaped block are: JBD2_MAGIC_NUMBER, big-endian. */
const ESCAPED_BYTES = Uint8Array.of(0xc0, 0x3b, 0x39, 0x98);

export class OverlaySource implements ByteSource {
  readonly size: number;
  /** Overlaid blocks, rising. */
  private readonly numbers: Float64Array;
  private readonly copies: JournaledBlock[];

  constructor(
    private readonly base: ByteSource,
    private readonly blockSize: number,
    journaled: ReadonlyMap<number, JournaledBlock>,
  ) {
    this.size = base.size;
    const sorted = [...journaled].sort((a, b) => a[0] - b[0]);
    this.numbers = Float64Array.from(sorted, ([number]) => number);
    this.copies = sorted.map(([, copy]) => copy);
  }

  read(position: number, target: Uint8Array, offset: number, length: number): number {
    const end = Math.min(this.size, position + length);
    let from = position;
    while (from < end) {
      const block = Math.floor(from / this.blockSize);
      const index = this.firstNotBefore(block);
      const next = index < this.numbers.length ? this.numbers[index] : Number.POSITIVE_INFINITY;
      let count: number;
      if (next > block) {
        count = Math.min(end, next * this.blockSize) - from;
        if (this.base.read(from, target, offset, count) < count) break;
      } else {
        const inside = from - block * this.blockSize;
        count = Math.min(end - from, this.blockSize - inside);
        const { copy, escaped } = this.copies[index];
        if (this.base.read(copy * this.blockSize + inside, target, offset, count) < count) break;
        for (let i = inside; escaped && i < 4 && i < inside + count; i++) {
          target[offset + i - inside] = ESCAPED_BYTES[i];
        }
      }
      from += count;
      offset += count;
    }
    return Math.max(0, from - position);
  }

  locate(position: number, length: number, range: HostRange): boolean {
    if (this.base.locate === undefined || position >= this.size) return false;
    const block = Math.floor(position / this.blockSize);
    const index = this.firstNotBefore(block);
    const next = index < this.numbers.length ? this.numbers[index] : Number.POSITIVE_INFINITY;
    if (next > block) {
      return this.base.locate(position, Math.min(length, next * this.blockSize - position), range);
    }
    const { copy, escaped } = this.copies[index];
    if (escaped) return false;
    const inside = position - block * this.blockSize;
    const count = Math.min(length, this.blockSize - inside);
    return this.base.locate(copy * this.blockSize + inside, count, range);
  }

  private firstNotBefore(block: number): number {
    let low = 0;
    let high = this.numbers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.numbers[middle] < block) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
