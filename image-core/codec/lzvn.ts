/**
 * LZVN: Apple's byte-oriented LZ77, raw (HFS+ and APFS compression) and inside LZFSE streams.
 *
 * Opcodes carry up to 3 literals (L), a match length (M) and a distance (D):
 *   LLMMMDDD DDDDDDDD            small distance, D's high bits 0 to 5
 *   LLMMM110                     previous distance (with LL = 0: end of stream, no-op, undefined)
 *   LLMMM111 DDDDDDDD DDDDDDDD   large distance, little-endian
 *   101LLMMM DDDDDDMM DDDDDDDD   medium distance
 *   1110LLLL, 11100000 LLLLLLLL  literals only (1 to 15; 16 and more)
 *   1111MMMM, 11110000 MMMMMMMM  match only, previous distance
 *   0111xxxx, 1101xxxx           undefined
 */
import { corrupt } from "../errors.js";

const END_OF_STREAM = 0x06;
const NO_OPERATION_1 = 0x0e;
const NO_OPERATION_2 = 0x16;

/** Longer runs go through the engine's own copy, whose call costs as much as some 40 bytes. */
const LONG_RUN = 64;

/** Decodes one raw LZVN stream, up to its end mark or a full `output`. Returns the bytes produced. */
export function decodeLzvn(input: Uint8Array, output: Uint8Array): number {
  return decodeLzvnBlock(input, 0, input.length, output, 0, output.length);
}

/**
 * Decodes `input[from..inputEnd)` into `output[to..outputEnd)`; matches may reach back to the start
 * of `output`. Returns the position in `output` behind the last byte written. Throws `corrupt`.
 */
export function decodeLzvnBlock(
  input: Uint8Array,
  from: number,
  inputEnd: number,
  output: Uint8Array,
  to: number,
  outputEnd: number,
): number {
  let distance = 0;
  while (to < outputEnd) {
    if (from >= inputEnd) throw corrupt("lzvn", "opcode", from, "the input ends without end mark");
    const start = from;
    const opcode = input[from++];
    let literals = 0;
    let match = 0;
    if (opcode >= 0xe0) {
      let count = opcode & 15;
      if (count === 0) {
        if (from >= inputEnd) throw corrupt("lzvn", "opcode", start, "the input ends in it");
        count = input[from++] + 16;
      }
      if (opcode < 0xf0) literals = count;
      else match = count;
    } else if (opcode >= 0xa0 && opcode < 0xc0) {
      if (inputEnd - from < 2) throw corrupt("lzvn", "opcode", start, "the input ends in it");
      const low = input[from];
      literals = (opcode >> 3) & 3;
      match = (((opcode & 7) << 2) | (low & 3)) + 3;
      distance = (low >> 2) | (input[from + 1] << 6);
      from += 2;
    } else {
      const high = opcode & 7;
      literals = opcode >> 6;
      match = ((opcode >> 3) & 7) + 3;
      if ((opcode & 0xf0) === 0x70 || opcode >= 0xd0) {
        throw corrupt("lzvn", "opcode", start, `0x${opcode.toString(16)} is undefined`);
      }
      if (high < 6) {
        if (from >= inputEnd) throw corrupt("lzvn", "opcode", start, "the input ends in it");
        distance = (high << 8) | input[from++];
      } else if (high === 7) {
        if (inputEnd - from < 2) throw corrupt("lzvn", "opcode", start, "the input ends in it");
        distance = input[from] | (input[from + 1] << 8);
        from += 2;
      } else if (literals === 0) {
        if (opcode === END_OF_STREAM) return to;
        if (opcode === NO_OPERATION_1 || opcode === NO_OPERATION_2) continue;
        throw corrupt("lzvn", "opcode", start, `0x${opcode.toString(16)} is undefined`);
      }
    }
    if (literals !== 0) {
      if (literals > inputEnd - from) {
        throw corrupt(
          "lzvn",
          "literals",
          start,
          `${literals} where ${inputEnd - from} bytes are left`,
        );
      }
      if (literals > outputEnd - to) {
        throw corrupt("lzvn", "literals", start, `${literals}, room for ${outputEnd - to}`);
      }
      if (literals < LONG_RUN) {
        for (let i = 0; i < literals; i++) output[to + i] = input[from + i];
      } else output.set(input.subarray(from, from + literals), to);
      from += literals;
      to += literals;
    }
    if (match !== 0) {
      if (distance === 0 || distance > to) {
        throw corrupt("lzvn", "match", start, `reaches ${distance} bytes back, ${to} are there`);
      }
      if (match > outputEnd - to) {
        throw corrupt("lzvn", "match", start, `${match} bytes, room for ${outputEnd - to}`);
      }
      if (match < LONG_RUN || distance < match) {
        const end = to + match;
        for (; to < end; to++) output[to] = output[to - distance];
      } else {
        output.copyWithin(to, to - distance, to - distance + match);
        to += match;
      }
    }
  }
  return to;
}
