/**
 * The initialisation vector of a block: the first 16 bytes of HMAC-SHA-1 over its number (RFC 2104,
 * FIPS 180-4).
 *
 * Written out because node:crypto takes 4 us for an HMAC of four bytes, and a 512-byte block is
 * decrypted in less. The two keyed compressions are done once; each vector takes two more.
 */

const ROUNDS = 80;
const INITIAL = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
const WORDS = 16;

export class BlockIv {
  private readonly inner = Int32Array.from(INITIAL);
  private readonly outer = Int32Array.from(INITIAL);
  private readonly hash = new Int32Array(5);
  private readonly schedule = new Int32Array(ROUNDS);

  /** `key`: at most 64 bytes. */
  constructor(key: Uint8Array) {
    const padded = new Uint8Array(WORDS * 4);
    padded.set(key);
    const words = new DataView(padded.buffer);
    for (const [state, pad] of [
      [this.inner, 0x36363636],
      [this.outer, 0x5c5c5c5c],
    ] as const) {
      for (let i = 0; i < WORDS; i++) this.schedule[i] = words.getInt32(i * 4) ^ pad;
      this.compress(state);
    }
    padded.fill(0);
  }

  /** XORs block `number`'s vector into `words[at..at + 4)`, which hold bytes in the host's order. */
  xorInto(words: Int32Array, at: number, number: number): void {
    const { hash, schedule } = this;
    schedule.fill(0, 0, WORDS);
    schedule[0] = number;
    schedule[1] = 0x80000000;
    schedule[15] = (WORDS * 4 + 4) * 8;
    hash.set(this.inner);
    this.compress(hash);
    schedule.fill(0, 0, WORDS);
    for (let i = 0; i < 5; i++) schedule[i] = hash[i];
    schedule[5] = 0x80000000;
    schedule[15] = (WORDS * 4 + 20) * 8;
    hash.set(this.outer);
    this.compress(hash);
    for (let i = 0; i < 4; i++) words[at + i] ^= swap(hash[i]);
  }

  /** SHA-1's compression of the first 16 words of the schedule into `state`. */
  private compress(state: Int32Array): void {
    const w = this.schedule;
    for (let i = WORDS; i < ROUNDS; i++) {
      const word = w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16];
      w[i] = (word << 1) | (word >>> 31);
    }
    let [a, b, c, d, e] = [state[0], state[1], state[2], state[3], state[4]];
    for (let i = 0; i < ROUNDS; i++) {
      let f: number;
      if (i < 20) f = ((b & c) | (~b & d)) + 0x5a827999;
      else if (i < 40) f = (b ^ c ^ d) + 0x6ed9eba1;
      else if (i < 60) f = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
      else f = (b ^ c ^ d) + 0xca62c1d6;
      const next = (((a << 5) | (a >>> 27)) + f + e + w[i]) | 0;
      e = d;
      d = c;
      c = (b << 30) | (b >>> 2);
      b = a;
      a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
  }
}

const isLittleEndian = new Uint8Array(Int32Array.of(1).buffer)[0] === 1;

/** Big-endian to the host's order. */
function swap(word: number): number {
  if (!isLittleEndian) return word;
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}
