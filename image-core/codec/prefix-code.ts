/** Canonical prefix codes (Huffman) of up to 16 bits, decoded from `WordBits`. */
import type { WordBits } from "./word-bits.js";

const MAX_BITS = 16;
/** Codes of up to this length are found by one look-up. */
const TABLE_BITS = 10;

export class PrefixCode {
  /** symbol * 32 + length by the next TABLE_BITS bits; 0 where the code is longer. */
  private readonly table = new Uint16Array(1 << TABLE_BITS);
  private readonly sorted: Uint16Array;
  private readonly first = new Int32Array(MAX_BITS + 2);
  private readonly start = new Int32Array(MAX_BITS + 2);
  private readonly counts = new Int32Array(MAX_BITS + 1);

  constructor(private readonly symbols: number) {
    this.sorted = new Uint16Array(symbols);
  }

  /** Takes the code lengths from `lengths[from]` on; false where they make no complete code. */
  build(lengths: Uint8Array, from = 0): boolean {
    const { counts, first, start, table, sorted } = this;
    counts.fill(0);
    for (let symbol = 0; symbol < this.symbols; symbol++) counts[lengths[from + symbol]]++;
    counts[0] = 0;
    let code = 0;
    let used = 0;
    for (let length = 1; length <= MAX_BITS; length++) {
      code <<= 1;
      first[length] = code;
      start[length] = used;
      code += counts[length];
      used += counts[length];
    }
    // An empty code is allowed as long as nothing is decoded by it.
    if (used !== 0 && code !== 1 << MAX_BITS) return false;
    const next = start.slice();
    table.fill(0);
    for (let symbol = 0; symbol < this.symbols; symbol++) {
      const length = lengths[from + symbol];
      if (length === 0) continue;
      const index = next[length]++;
      sorted[index] = symbol;
      if (length > TABLE_BITS) continue;
      const at = (first[length] + index - start[length]) << (TABLE_BITS - length);
      table.fill(symbol * 32 + length, at, at + (1 << (TABLE_BITS - length)));
    }
    return true;
  }

  /** The next symbol, or -1 where the bits are no code. */
  decode(bits: WordBits): number {
    bits.ensure();
    const entry = this.table[bits.peek(TABLE_BITS)];
    if (entry !== 0) {
      bits.skip(entry & 31);
      return entry >>> 5;
    }
    for (let length = TABLE_BITS + 1; length <= MAX_BITS; length++) {
      const index = bits.peek(length) - this.first[length];
      if (index >= 0 && index < this.counts[length]) {
        bits.skip(length);
        return this.sorted[this.start[length] + index];
      }
    }
    return -1;
  }
}
