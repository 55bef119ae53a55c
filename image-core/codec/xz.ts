/**
 * xz streams (the .xz file format 1.1; UDIF type 0x80000008): header, blocks of LZMA2, index.
 *
 * Decodes one stream. Filters besides LZMA2 (BCJ, delta) are refused by name. Checks CRC32, CRC64
 * and SHA-256. The index is not read: everything in it stands in the blocks too.
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { corrupt, unsupported } from "../errors.js";
import { LzmaDecoder } from "./lzma.js";

const HEADER_BYTES = 12;
const HEADER_MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];
const FILTER_LZMA2 = 0x21;
const CHECK_CRC32 = 1;
const CHECK_CRC64 = 4;
const CHECK_SHA256 = 10;
/** By check id (section 2.1.1.2). */
const CHECK_BYTES = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];
const HAS_COMPRESSED_SIZE = 0x40;
const HAS_UNCOMPRESSED_SIZE = 0x80;

/** One for all streams of a thread. */
const lzma = new LzmaDecoder();

/**
 * Returns the bytes produced. Throws `corrupt`, or `unsupported` for filters other than LZMA2.
 *
 * Memory: the output once more and 110 KiB, kept for the next stream if it is at most 12 MiB.
 */
export function decodeXz(input: Uint8Array, output: Uint8Array): number {
  lzma.begin(output.length);
  try {
    const produced = decodeStream(input, output.length);
    output.set(lzma.output(0, produced));
    return produced;
  } finally {
    lzma.end();
  }
}

/** Decodes a stream of at most `room` bytes into `lzma`'s output; returns the bytes produced. */
function decodeStream(input: Uint8Array, room: number): number {
  if (input.length < HEADER_BYTES || HEADER_MAGIC.some((byte, i) => input[i] !== byte)) {
    throw corrupt("xz", "stream", 0, "the magic is missing");
  }
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  if (crc32(input.subarray(6, 8)) !== view.getUint32(8, true)) {
    throw corrupt("xz", "stream header", 6, "its CRC32 is wrong");
  }
  const check = input[7] & 15;
  let from = HEADER_BYTES;
  let to = 0;
  for (;;) {
    if (from >= input.length) throw corrupt("xz", "stream", from, "the input ends without index");
    // A block header's size is never 0; an index begins with 0.
    if (input[from] === 0) return to;
    const block = from;
    from = readBlockHeader(input, view, from);
    const first = to;
    const data = from;
    [from, to] = decodeLzma2(input, from, room, to);
    // Blocks are padded to 4 bytes, then comes the check.
    from += -(from - block) & 3;
    const checkBytes = CHECK_BYTES[check];
    if (checkBytes > input.length - from) {
      throw corrupt("xz", "block", block, "the input ends in its check");
    }
    if (!checkMatches(check, first, to, input.subarray(from, from + checkBytes))) {
      throw corrupt("xz", "block", data, `its check (type ${check}) is wrong`);
    }
    from += checkBytes;
  }
}

/** Checks the header of a block; returns where its data begin. */
function readBlockHeader(input: Uint8Array, view: DataView, start: number): number {
  const size = (input[start] + 1) * 4;
  if (size > input.length - start)
    throw corrupt("xz", "block header", start, "the input ends in it");
  const end = start + size - 4;
  if (crc32(input.subarray(start, end)) !== view.getUint32(end, true)) {
    throw corrupt("xz", "block header", start, "its CRC32 is wrong");
  }
  const flags = input[start + 1];
  if ((flags & 3) !== 0) throw unsupported("xz", `a chain of ${(flags & 3) + 1} filters`);
  let at = start + 2;
  if ((flags & HAS_COMPRESSED_SIZE) !== 0) at = skipVariableInteger(input, at, end);
  if ((flags & HAS_UNCOMPRESSED_SIZE) !== 0) at = skipVariableInteger(input, at, end);
  if (input[at] !== FILTER_LZMA2) throw unsupported("xz", `filter 0x${input[at].toString(16)}`);
  return start + size;
}

function skipVariableInteger(input: Uint8Array, at: number, end: number): number {
  while (at < end && (input[at] & 0x80) !== 0) at++;
  if (at >= end - 1) throw corrupt("xz", "block header", at, "an integer runs past its end");
  return at + 1;
}

/** Decodes LZMA2 chunks up to the end mark; returns the positions behind in input and output. */
function decodeLzma2(
  input: Uint8Array,
  from: number,
  room: number,
  to: number,
): [from: number, to: number] {
  let dictionaryStart = -1;
  let hasProperties = false;
  let hasState = false;
  for (;;) {
    if (from >= input.length) throw corrupt("xz", "LZMA2 chunk", from, "the input ends");
    const start = from;
    const control = input[from++];
    if (control === 0) return [from, to];
    if (control === 1 || control >= 0xe0) dictionaryStart = to;
    else if (dictionaryStart < 0) {
      throw corrupt("xz", "LZMA2 chunk", start, "the first one does not reset the dictionary");
    }
    if (input.length - from < 5) throw corrupt("xz", "LZMA2 chunk", start, "the input ends in it");
    if (control < 0x80) {
      if (control > 2)
        throw corrupt("xz", "LZMA2 chunk", start, `control 0x${control.toString(16)}`);
      const stored = ((input[from] << 8) | input[from + 1]) + 1;
      from += 2;
      if (stored > input.length - from) {
        throw corrupt("xz", "LZMA2 chunk", start, "the input ends in it");
      }
      if (stored > room - to) throw noRoom(start, stored, room - to);
      lzma.store(input.subarray(from, from + stored), to);
      from += stored;
      to += stored;
      continue;
    }
    const produced = (((control & 0x1f) << 16) | (input[from] << 8) | input[from + 1]) + 1;
    const packed = ((input[from + 2] << 8) | input[from + 3]) + 1;
    from += 4;
    if (control >= 0xc0) {
      lzma.setProperties(input[from], from);
      from++;
      hasProperties = true;
      hasState = true;
    } else if (control >= 0xa0) {
      if (!hasProperties) throw corrupt("xz", "LZMA2 chunk", start, "no properties so far");
      lzma.resetState();
      hasState = true;
    } else if (!hasState) throw corrupt("xz", "LZMA2 chunk", start, "no state so far");
    if (packed > input.length - from) {
      throw corrupt("xz", "LZMA2 chunk", start, "the input ends in it");
    }
    if (produced > room - to) throw noRoom(start, produced, room - to);
    lzma.decode(input, from, from + packed, to, to + produced, dictionaryStart);
    from += packed;
    to += produced;
  }
}

function noRoom(position: number, bytes: number, room: number): Error {
  return corrupt("xz", "LZMA2 chunk", position, `${bytes} bytes, room for ${room}`);
}

/** Of the output from `from` to `end`. */
function checkMatches(check: number, from: number, end: number, stored: Uint8Array): boolean {
  switch (check) {
    case CHECK_CRC32: {
      const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
      return crc32(lzma.output(from, end)) === view.getUint32(0, true);
    }
    case CHECK_CRC64:
      return Buffer.compare(lzma.crc64(from, end), stored) === 0;
    case CHECK_SHA256:
      return createHash("sha256").update(lzma.output(from, end)).digest().equals(stored);
    default:
      // No check, or one that the specification reserves.
      return true;
  }
}
