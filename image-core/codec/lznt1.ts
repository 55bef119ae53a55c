/**
 * LZNT1, NTFS's own compression: chunks of up to 4096 bytes, each stored or packed.
 *
 * [MS-XCA] section 2.5.
 */
import { ImageError } from "../errors.js";

const CHUNK_SIZE = 4096;
const COMPRESSED = 0x8000;

/**
 * Decodes until `input` or `output` is used up, or a chunk header of 0 says so. Returns the bytes
 * that were decoded; the rest of `output` is zeroed, as is the rest of a chunk that falls short.
 * Throws `corrupt` for references before a chunk's start and for what is cut off.
 */
export function decodeLznt1(input: Uint8Array, output: Uint8Array): number {
  let from = 0;
  let chunk = 0;
  while (chunk < output.length && from + 2 <= input.length) {
    const header = input[from] | (input[from + 1] << 8);
    if (header === 0) break;
    const start = from + 2;
    const end = start + (header & 0xfff) + 1;
    if (end > input.length) throw wrong(from, `chunk of ${end - start} bytes is cut off`);
    const limit = Math.min(chunk + CHUNK_SIZE, output.length);
    let to: number;
    if ((header & COMPRESSED) === 0) {
      const length = Math.min(end - start, limit - chunk);
      output.set(input.subarray(start, start + length), chunk);
      to = chunk + length;
    } else to = decodeChunk(input, start, end, output, chunk, limit);
    output.fill(0, to, limit);
    from = end;
    chunk = limit;
  }
  output.fill(0, chunk);
  return chunk;
}

/** Returns where in `output` the chunk ended. */
function decodeChunk(
  input: Uint8Array,
  start: number,
  end: number,
  output: Uint8Array,
  chunk: number,
  limit: number,
): number {
  let from = start;
  let to = chunk;
  while (from < end) {
    let flags = input[from++];
    for (let token = 0; token < 8 && from < end && to < limit; token++, flags >>= 1) {
      if ((flags & 1) === 0) {
        output[to++] = input[from++];
        continue;
      }
      if (from + 2 > end) throw wrong(from, "a reference is cut off");
      const word = input[from] | (input[from + 1] << 8);
      from += 2;
      const lengthBits = lengthBitsAt(to - chunk);
      const back = (word >>> lengthBits) + 1;
      if (back > to - chunk) throw wrong(from, `reference ${back} bytes back from ${to - chunk}`);
      const stop = Math.min(limit, to + (word & ((1 << lengthBits) - 1)) + 3);
      for (; to < stop; to++) output[to] = output[to - back];
    }
    if (to === limit) break;
  }
  return to;
}

/** The further into a chunk, the more of a reference's 16 bits are distance, at least 4. */
function lengthBitsAt(position: number): number {
  let bits = 12;
  for (let reach = position - 1; reach >= 0x10; reach >>= 1) bits--;
  return bits;
}

function wrong(position: number, problem: string): ImageError {
  return new ImageError("corrupt", "lznt1", `input byte ${position}: ${problem}`);
}
