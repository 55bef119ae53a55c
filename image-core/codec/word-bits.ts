/** The bit stream of XPRESS and LZX: little-endian 16-bit words, each read from its high bit. */

export class WordBits {
  /** Bytes of `input` taken so far; bytes between the words are read through it. */
  position = 0;
  private bits = 0;
  private count = 0;

  constructor(readonly input: Uint8Array) {}

  /** Makes 16 bits and more available: takes the next word where there are fewer. Zeros follow the end. */
  ensure(): void {
    if (this.count >= 16) return;
    const low = this.position < this.input.length ? this.input[this.position] : 0;
    const high = this.position + 1 < this.input.length ? this.input[this.position + 1] : 0;
    this.position += 2;
    this.bits = ((this.bits << 16) | low | (high << 8)) >>> 0;
    this.count += 16;
  }

  /** The next `count` bits (at most 16), which `ensure` made available, without taking them. */
  peek(count: number): number {
    return (this.bits >>> (this.count - count)) & ((1 << count) - 1);
  }

  skip(count: number): void {
    this.count -= count;
  }

  /** Up to 17 bits. */
  read(count: number): number {
    if (count > 16) return this.read(count - 16) * 65536 + this.read(16);
    this.ensure();
    const value = this.peek(count);
    this.skip(count);
    return value;
  }

  /** Drops what is left of the current word; if nothing is, drops the next one. */
  align(): void {
    this.ensure();
    // What `ensure` had in stock beyond one word is that word's successor, not yet read.
    if (this.count > 16) this.position -= 2;
    this.count = 0;
    this.bits = 0;
  }

  /** Whether more was taken than there is (a word of slack: the last one is taken ahead). */
  get overrun(): boolean {
    return this.position > this.input.length + 4;
  }
}
