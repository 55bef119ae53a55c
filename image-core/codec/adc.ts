/**
 * Apple Data Compression (UDIF type 0x80000004, NDIF type 0x83): byte-wise LZ77, three opcodes.
 *
 *   1nnnnnnn                     n + 1 literal bytes follow
 *   01nnnnnn oooooooo oooooooo   copy n + 4 bytes from o + 1 bytes back
 *   00nnnnoo oooooooo            copy n + 3 bytes from o + 1 bytes back
 */
import { corrupt } from "../errors.js";

/** Decodes until the input or the room in `output` ends. Returns the bytes produced. */
export function decodeAdc(input: Uint8Array, output: Uint8Array): number {
  const inputEnd = input.length;
  const outputEnd = output.length;
  let from = 0;
  let to = 0;
  while (from < inputEnd && to < outputEnd) {
    const start = from;
    const opcode = input[from++];
    if (opcode >= 0x80) {
      const count = (opcode & 0x7f) + 1;
      if (count > inputEnd - from)
        throw corrupt("adc", "literals", start, "the input ends in them");
      if (count > outputEnd - to) throw corrupt("adc", "literals", start, "no room for them");
      for (let i = 0; i < count; i++) output[to + i] = input[from + i];
      from += count;
      to += count;
      continue;
    }
    let count: number;
    let distance: number;
    if (opcode >= 0x40) {
      if (inputEnd - from < 2) throw corrupt("adc", "match", start, "the input ends in it");
      count = (opcode & 0x3f) + 4;
      distance = ((input[from] << 8) | input[from + 1]) + 1;
      from += 2;
    } else {
      if (inputEnd - from < 1) throw corrupt("adc", "match", start, "the input ends in it");
      count = (opcode >> 2) + 3;
      distance = (((opcode & 3) << 8) | input[from]) + 1;
      from += 1;
    }
    if (distance > to) {
      throw corrupt("adc", "match", start, `reaches ${distance} bytes back, ${to} are there`);
    }
    if (count > outputEnd - to) throw corrupt("adc", "match", start, "no room for it");
    for (const end = to + count; to < end; to++) output[to] = output[to - distance];
  }
  return to;
}
