/**
 * LZBITMAP ("ZBM\t"): Apple's byte-wise codec of macOS 12 and later, in HFS+ and APFS compression.
 *
 * A stream is the magic and chunks of up to 32 KiB of output; one of no output ends it. A chunk
 * produces groups of 8 bytes, each under a bitmap: bit set, the next literal; bit clear, the byte
 * one *period* back. Which bitmap comes next stands in a stream of nibbles:
 *   0 to 2    the bitmap is the next byte of the bitmap area, and takes so many new period bytes
 *   3 to 14   one of twelve bitmaps listed at the chunk's end (10 bits each: bitmap, period bytes)
 *   15        repeats the nibble before: 4 and the sum of the nibbles up to one that is not 15
 * There is no official text; the layout is as E. A. Fernández established it (libzbitmap).
 */
import { corrupt } from "../errors.js";

const MAGIC_BYTES = 4;
const CHUNK_HEADER_BYTES = 6;
const COMPRESSED_HEADER_BYTES = 15;
const MAX_CHUNK_OUTPUT = 0x8000;
const FIRST_LISTED = 3;
const LISTED_COUNT = 12;
/** 12 of 10 bits, rounded up, and two bytes more. */
const LIST_BYTES = 17;
const LIST_ENTRY_BITS = 10;
const REPEAT = 15;
const FIRST_REPEAT_COUNT = 4;
const INITIAL_PERIOD = 8;

/** The current chunk's listed bitmaps: bitmap in the low 8 bits, period bytes above. */
const listed = new Uint16Array(LISTED_COUNT);

/** Returns the bytes produced. Throws `corrupt`. */
export function decodeLzbitmap(input: Uint8Array, output: Uint8Array): number {
  if (
    input.length < MAGIC_BYTES ||
    input[0] !== 0x5a ||
    input[1] !== 0x42 ||
    input[2] !== 0x4d ||
    input[3] !== 0x09
  ) {
    throw corrupt("lzbitmap", "stream", 0, "the magic ZBM is missing");
  }
  let from = MAGIC_BYTES;
  let to = 0;
  for (;;) {
    if (input.length - from < CHUNK_HEADER_BYTES) {
      throw corrupt("lzbitmap", "chunk", from, "the input ends without the empty last chunk");
    }
    const length = uint24(input, from);
    const produced = uint24(input, from + 3);
    if (length < CHUNK_HEADER_BYTES || length > input.length - from) {
      throw corrupt("lzbitmap", "chunk", from, `${length} bytes, ${input.length - from} are left`);
    }
    if (produced === 0) return to;
    if (produced > MAX_CHUNK_OUTPUT || produced > output.length - to) {
      throw corrupt("lzbitmap", "chunk", from, `${produced} bytes, room for ${output.length - to}`);
    }
    if (length === produced + CHUNK_HEADER_BYTES) {
      output.set(input.subarray(from + CHUNK_HEADER_BYTES, from + length), to);
    } else decodeChunk(input, from, from + length, output, to, to + produced);
    from += length;
    to += produced;
  }
}

/** Decodes the compressed chunk `input[start..end)` into exactly `output[to..outputEnd)`. */
function decodeChunk(
  input: Uint8Array,
  start: number,
  end: number,
  output: Uint8Array,
  to: number,
  outputEnd: number,
): void {
  const length = end - start;
  if (length < COMPRESSED_HEADER_BYTES + LIST_BYTES) {
    throw corrupt("lzbitmap", "chunk", start, `${length} bytes are too few`);
  }
  let literal = start + COMPRESSED_HEADER_BYTES;
  let periodByte = start + uint24(input, start + 6);
  let bitmapByte = start + uint24(input, start + 9);
  // Counted in nibbles, low half first.
  let nibble = (start + uint24(input, start + 12)) * 2;
  const nibbleEnd = end * 2;
  readListedBitmaps(input, end - LIST_BYTES, start);

  let period = INITIAL_PERIOD;
  while (to < outputEnd) {
    if (nibble >= nibbleEnd) throw corrupt("lzbitmap", "chunk", start, "it runs out of nibbles");
    const choice = (input[nibble >> 1] >> ((nibble & 1) << 2)) & 15;
    nibble++;
    if (choice === REPEAT) throw corrupt("lzbitmap", "chunk", start, "nothing to repeat");
    let repeat = 1;
    if (nibble < nibbleEnd && ((input[nibble >> 1] >> ((nibble & 1) << 2)) & 15) === REPEAT) {
      nibble++;
      repeat = FIRST_REPEAT_COUNT;
      for (let more = REPEAT; more === REPEAT; ) {
        if (nibble >= nibbleEnd)
          throw corrupt("lzbitmap", "chunk", start, "it runs out of nibbles");
        more = (input[nibble >> 1] >> ((nibble & 1) << 2)) & 15;
        nibble++;
        repeat += more;
      }
    }
    for (; repeat > 0 && to < outputEnd; repeat--) {
      let bitmap: number;
      let periodBytes: number;
      if (choice < FIRST_LISTED) {
        if (bitmapByte >= end) throw corrupt("lzbitmap", "chunk", start, "it runs out of bitmaps");
        bitmap = input[bitmapByte++];
        periodBytes = choice;
      } else {
        const entry = listed[choice - FIRST_LISTED];
        bitmap = entry & 0xff;
        periodBytes = entry >> 8;
      }
      if (periodBytes !== 0) {
        if (end - periodByte < periodBytes) {
          throw corrupt("lzbitmap", "chunk", start, "it runs out of periods");
        }
        period = input[periodByte++];
        if (periodBytes === 2) period |= input[periodByte++] << 8;
      }
      if (period === 0) throw corrupt("lzbitmap", "chunk", start, "a period of 0");
      const groupEnd = Math.min(to + 8, outputEnd);
      for (; to < groupEnd; to++, bitmap >>= 1) {
        if ((bitmap & 1) !== 0) {
          if (literal >= end) throw corrupt("lzbitmap", "chunk", start, "it runs out of literals");
          output[to] = input[literal++];
        } else {
          if (period > to) {
            throw corrupt(
              "lzbitmap",
              "chunk",
              start,
              `reaches ${period} bytes back, ${to} are there`,
            );
          }
          output[to] = output[to - period];
        }
      }
    }
  }
}

function readListedBitmaps(input: Uint8Array, position: number, chunk: number): void {
  for (let i = 0; i < LISTED_COUNT; i++) {
    const bit = i * LIST_ENTRY_BITS;
    const at = position + (bit >> 3);
    const entry = ((input[at] | (input[at + 1] << 8)) >> (bit & 7)) & 0x3ff;
    if (entry >> 8 > 2) {
      throw corrupt("lzbitmap", "chunk", chunk, `listed bitmap ${i} takes 3 period bytes`);
    }
    listed[i] = entry;
  }
}

function uint24(bytes: Uint8Array, position: number): number {
  return bytes[position] | (bytes[position + 1] << 8) | (bytes[position + 2] << 16);
}
