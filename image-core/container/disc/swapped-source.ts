/** 16-bit samples in the other byte order: big-endian audio as the little-endian of WAV files. */
import type { ByteSource } from "../../source/byte-source.js";

export class SwappedSource implements ByteSource {
  readonly size: number;
  private readonly single = new Uint8Array(1);

  constructor(private readonly source: ByteSource) {
    // Half a sample at the end has no partner to swap with.
    this.size = source.size - (source.size % 2);
  }

  read(position: number, target: Uint8Array, offset: number, length: number): number {
    if (position >= this.size) return 0;
    const total = Math.min(length, this.size - position);
    let left = total;
    if (position % 2 === 1) {
      target[offset++] = this.byteAt(position - 1);
      position++;
      left--;
    }
    const whole = left - (left % 2);
    if (whole > 0) {
      const got = this.source.read(position, target, offset, whole);
      if (got < whole) target.fill(0, offset + got, offset + whole);
      for (const end = offset + whole; offset < end; offset += 2) {
        const byte = target[offset];
        target[offset] = target[offset + 1];
        target[offset + 1] = byte;
      }
    }
    if (whole < left) target[offset] = this.byteAt(position + whole + 1);
    return total;
  }

  private byteAt(position: number): number {
    return this.source.read(position, this.single, 0, 1) === 1 ? this.single[0] : 0;
  }
}
