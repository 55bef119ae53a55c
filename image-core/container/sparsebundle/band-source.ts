/** The bands of a sparse bundle as one source; a band that is missing or short reads as zeros. */
import type { ByteSource, HostRange } from "../../source/byte-source.js";
import type { SparseSource } from "../encrypted/encrypted-source.js";

const CIPHER_BLOCK = 16;

export class BandSource implements SparseSource {
  /** `bands`: by number; those that are missing are zeros. */
  constructor(
    private readonly bands: ReadonlyMap<number, ByteSource>,
    private readonly bandSize: number,
    readonly size: number,
  ) {}

  read(position: number, target: Uint8Array, offset: number, length: number): number {
    if (position >= this.size) return 0;
    const end = Math.min(this.size, position + length);
    let from = position;
    while (from < end) {
      const number = Math.floor(from / this.bandSize);
      const inside = from - number * this.bandSize;
      const count = Math.min(this.bandSize - inside, end - from);
      const got = this.bands.get(number)?.read(inside, target, offset, count) ?? 0;
      if (got < count) target.fill(0, offset + got, offset + count);
      from += count;
      offset += count;
    }
    return end - position;
  }

  locate(position: number, length: number, range: HostRange): boolean {
    if (position >= this.size) return false;
    const number = Math.floor(position / this.bandSize);
    const inside = position - number * this.bandSize;
    const count = Math.min(length, this.bandSize - inside, this.size - position);
    return this.bands.get(number)?.locate?.(inside, count, range) ?? false;
  }

  run(position: number): number {
    const number = Math.floor(position / this.bandSize);
    const inside = position - number * this.bandSize;
    const size = Math.min(this.bandSize, this.bands.get(number)?.size ?? 0);
    const stored = size - (size % CIPHER_BLOCK);
    return inside < stored ? stored - inside : inside - this.bandSize;
  }
}
