/**
 * LZFSE's finite-state-entropy tables: compressed frequencies to decoder states.
 *
 * Layout and constants: Apple's reference implementation (lzfse_internal.h, lzfse_fse.h).
 */
import { corrupt } from "../../errors.js";

export const L_SYMBOLS = 20;
export const M_SYMBOLS = 20;
export const D_SYMBOLS = 64;
export const LITERAL_SYMBOLS = 256;
export const FREQUENCIES = L_SYMBOLS + M_SYMBOLS + D_SYMBOLS + LITERAL_SYMBOLS;

/** Extra bits behind each L symbol; its value is the symbol's base and these bits. */
export const L_EXTRA_BITS = Uint8Array.from([...new Array(16).fill(0), 2, 3, 5, 8]);
export const M_EXTRA_BITS = Uint8Array.from([...new Array(16).fill(0), 3, 5, 8, 11]);
/** Four symbols of 0 bits, four of 1, and so on. */
export const D_EXTRA_BITS = Uint8Array.from({ length: D_SYMBOLS }, (_, symbol) => symbol >> 2);

export const L_BASE = bases(L_EXTRA_BITS);
export const M_BASE = bases(M_EXTRA_BITS);
export const D_BASE = bases(D_EXTRA_BITS);

/** Each symbol begins where the values of the one before it end. */
function bases(extraBits: Uint8Array): Int32Array {
  const base = new Int32Array(extraBits.length);
  for (let i = 1; i < base.length; i++) base[i] = base[i - 1] + (1 << extraBits[i - 1]);
  return base;
}

/** Small frequencies by the 5 low bits of their code: 2, 3 or 5 bits; 0 where the code is longer. */
const CODE_BITS = new Uint8Array(32);
const CODE_VALUE = new Uint8Array(32);
for (let code = 0; code < 32; code++) {
  if ((code & 1) === 0) {
    // x0: 2 bits, 0 or 1.
    CODE_BITS[code] = 2;
    CODE_VALUE[code] = (code >> 1) & 1;
  } else if ((code & 2) === 0) {
    // x01: 3 bits, 2 or 3.
    CODE_BITS[code] = 3;
    CODE_VALUE[code] = 2 + ((code >> 2) & 1);
  } else if ((code & 4) === 0) {
    // xx011: 5 bits, 4 to 7.
    CODE_BITS[code] = 5;
    CODE_VALUE[code] = 4 + (code >> 3);
  }
}

/** Reads the 360 frequencies of a `bvx2` header from `input[position..end)`. */
export function readFrequencies(
  input: Uint8Array,
  position: number,
  end: number,
  frequencies: Uint16Array,
): void {
  let from = position;
  let bits = 0;
  let count = 0;
  for (let i = 0; i < FREQUENCIES; i++) {
    while (count <= 16 && from < end) {
      bits |= input[from++] << count;
      count += 8;
    }
    const code = bits & 31;
    let used = CODE_BITS[code];
    let value = CODE_VALUE[code];
    if (used === 0) {
      if ((code & 8) === 0) {
        // xxxx0111: 8 bits, 8 to 23.
        used = 8;
        value = 8 + ((bits >> 4) & 15);
      } else {
        // xxxxxxxxxx1111: 14 bits, 24 to 1047.
        used = 14;
        value = 24 + ((bits >> 4) & 0x3ff);
      }
    }
    if (used > count) throw corrupt("lzfse", "frequency table", position, `it ends at symbol ${i}`);
    frequencies[i] = value;
    bits >>>= used;
    count -= used;
  }
  if (count >= 8 || from !== end) {
    throw corrupt("lzfse", "frequency table", position, `${end - from} bytes are left over`);
  }
}

/**
 * Builds one state an entry: bits to read in the low byte, `symbol` in the next, and above them the
 * signed number that those bits are added to for the next state. `words`: of an entry, which has its
 * number in the first.
 */
export function buildStates(
  frequencies: Uint16Array,
  first: number,
  symbols: number,
  table: Int32Array,
  words: number,
  position: number,
): void {
  const states = table.length / words;
  const statesClz = Math.clz32(states);
  // States that no symbol claims (a block without matches) read nothing and stay where they are.
  table.fill(0);
  let next = 0;
  for (let symbol = 0; symbol < symbols; symbol++) {
    const frequency = frequencies[first + symbol];
    if (frequency === 0) continue;
    if (next + frequency > states) {
      throw corrupt("lzfse", "frequency table", position, `more than ${states} states`);
    }
    const bits = Math.clz32(frequency) - statesClz;
    const wide = ((2 * states) >> bits) - frequency;
    for (let i = 0; i < frequency; i++) {
      const width = i < wide ? bits : bits - 1;
      const delta = i < wide ? ((frequency + i) << bits) - states : (i - wide) << (bits - 1);
      table[next++ * words] = (delta << 16) | (symbol << 8) | width;
    }
  }
}

/**
 * As `buildStates`, for symbols with extra bits: their number takes the symbol's place, and a second
 * word has the value that they are added to.
 */
export function buildValueStates(
  frequencies: Uint16Array,
  first: number,
  extraBits: Uint8Array,
  base: Int32Array,
  table: Int32Array,
  position: number,
): void {
  buildStates(frequencies, first, extraBits.length, table, 2, position);
  for (let i = 0; i < table.length; i += 2) {
    const entry = table[i];
    const symbol = (entry >> 8) & 0xff;
    table[i] = (entry & ~0xff00) | (extraBits[symbol] << 8);
    table[i + 1] = base[symbol];
  }
}
