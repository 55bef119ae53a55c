/**
 * XPRESS Huffman, as Windows compresses single files with: one block of up to 64 KiB.
 *
 * [MS-XCA] section 2.2, "LZ77+Huffman Decompression".
 */
import { ImageError } from "../errors.js";
import { PrefixCode } from "./prefix-code.js";
import { WordBits } from "./word-bits.js";

const SYMBOLS = 512;
const TABLE_SIZE = SYMBOLS / 2;
const MIN_MATCH = 3;
const MAX_OUTPUT = 65536;

/** Fills all of `output`, which decides how much there is, and returns its length. Throws `corrupt`. */
export function decodeXpress(input: Uint8Array, output: Uint8Array): number {
  if (output.length > MAX_OUTPUT) throw wrong(`${output.length} bytes are more than one block`);
  if (input.length < TABLE_SIZE) throw wrong(`code lengths are cut off at ${input.length} bytes`);
  const lengths = new Uint8Array(SYMBOLS);
  for (let i = 0; i < TABLE_SIZE; i++) {
    lengths[2 * i] = input[i] & 15;
    lengths[2 * i + 1] = input[i] >>> 4;
  }
  const code = new PrefixCode(SYMBOLS);
  if (!code.build(lengths)) throw wrong("code lengths make no code");
  const bits = new WordBits(input);
  bits.position = TABLE_SIZE;
  for (let to = 0; to < output.length; ) {
    const symbol = code.decode(bits);
    if (symbol < 0 || bits.overrun) throw wrong(`no symbol for byte ${to} of ${output.length}`);
    if (symbol < 256) {
      output[to++] = symbol;
      continue;
    }
    const offsetBits = (symbol - 256) >>> 4;
    bits.ensure();
    const back = (1 << offsetBits) | bits.peek(offsetBits);
    bits.skip(offsetBits);
    const length = matchLength(bits, symbol & 15) + MIN_MATCH;
    if (back > to) throw wrong(`reference ${back} bytes back from ${to}`);
    const stop = Math.min(output.length, to + length);
    for (; to < stop; to++) output[to] = output[to - back];
  }
  return output.length;
}

/** Longer than 14: a byte follows between the words, then 16 bits, then 32. */
function matchLength(bits: WordBits, short: number): number {
  if (short < 15) return short;
  const { input } = bits;
  const byte = input[bits.position++] ?? 0;
  if (byte < 255) return 15 + byte;
  const word = (input[bits.position] ?? 0) | ((input[bits.position + 1] ?? 0) << 8);
  bits.position += 2;
  if (word !== 0) return Math.max(15, word);
  bits.position += 4;
  // Beyond any output there can be: the caller cuts it there.
  return MAX_OUTPUT;
}

function wrong(problem: string): ImageError {
  return new ImageError("corrupt", "xpress", problem);
}
