/** The bits of a stream's headers, the first being the highest of its byte. */
import { corrupt } from "../../errors.js";

export class BitReader {
  /** In bits. Images bound the input to 64 MiB: it fits 32 bits. */
  position: number;
  private readonly view: DataView;

  constructor(
    readonly input: Uint8Array,
    firstByte: number,
  ) {
    this.view = new DataView(input.buffer, input.byteOffset, input.length);
    this.position = firstByte * 8;
  }

  /** The next 25 bits, or more, left-aligned to 32; zeros behind the input's end. */
  window(): number {
    const byte = this.position >>> 3;
    const { input } = this;
    if (byte + 4 <= input.length) return this.view.getInt32(byte) << (this.position & 7);
    let bits = 0;
    for (let i = 0; i < 4; i++) {
      bits = (bits << 8) | (byte + i < input.length ? input[byte + i] : 0);
    }
    return bits << (this.position & 7);
  }

  /** 1 to 24 bits. */
  read(width: number): number {
    const bits = this.window() >>> (32 - width);
    this.position += width;
    this.expectNotBeyondEnd();
    return bits;
  }

  read32(): number {
    const high = this.read(16);
    return (high << 16) | this.read(16);
  }

  expectNotBeyondEnd(): void {
    if (this.position > this.input.length * 8) {
      throw corrupt("bzip2", "stream", this.input.length, "the input ends in a block");
    }
  }

  /** The byte that is read next. */
  get byte(): number {
    return this.position >>> 3;
  }
}
