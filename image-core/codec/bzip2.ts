/**
 * bzip2 streams (UDIF type 0x80000006): blocks of up to 900 kB through run-length coding, the
 * Burrows-Wheeler transform, move-to-front and several Huffman tables, each block with its CRC.
 *
 * There is no official text; the layout is as J. Seward's program writes it. Working memory: 3.6 MB
 * at most, taken on the first stream and kept. The "randomised" blocks of versions before 0.9.5 are
 * refused by name.
 */
import { corrupt, unsupported } from "../errors.js";

const BLOCK_MAGIC_HIGH = 0x314159;
const BLOCK_MAGIC_LOW = 0x265359;
const END_MAGIC_HIGH = 0x177245;
const END_MAGIC_LOW = 0x385090;
const MAX_CODE_LENGTH = 20;
const MAX_ALPHABET = 258;
const MAX_TABLES = 6;
const GROUP_SYMBOLS = 50;
const BLOCK_UNIT = 100_000;
/** Codes up to this length are found by one look-up. */
const FAST_BITS = 10;

/** CRC-32 with the bits in order, polynomial 0x04c11db7. */
const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let i = 0; i < 8; i++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});

/** One Huffman table: canonical limits for long codes, a direct table for short ones. */
class HuffmanTable {
  /** Symbol and length (low 5 bits) by the next FAST_BITS bits; 0 where the code is longer. */
  readonly fast = new Uint16Array(1 << FAST_BITS);
  /** By length: the largest code of that length, left-aligned to MAX_CODE_LENGTH bits, and one. */
  readonly limit = new Int32Array(MAX_CODE_LENGTH + 2);
  /** By length: what to add to a code for its place in `symbols`. */
  readonly offset = new Int32Array(MAX_CODE_LENGTH + 2);
  readonly symbols = new Uint16Array(MAX_ALPHABET);

  build(lengths: Uint8Array, alphabet: number): void {
    this.fast.fill(0);
    let code = 0;
    let place = 0;
    for (let length = 1; length <= MAX_CODE_LENGTH; length++) {
      this.offset[length] = place - code;
      for (let symbol = 0; symbol < alphabet; symbol++) {
        if (lengths[symbol] !== length) continue;
        this.symbols[place++] = symbol;
        // An over-full code space has no fast entries: such codes fail, or decode by their limits.
        if (length <= FAST_BITS && code < 1 << length) {
          const first = code << (FAST_BITS - length);
          this.fast.fill((symbol << 5) | length, first, first + (1 << (FAST_BITS - length)));
        }
        code++;
      }
      this.limit[length] = Math.min(code, 1 << length) << (MAX_CODE_LENGTH - length);
      code <<= 1;
    }
  }
}

const tables = Array.from({ length: MAX_TABLES }, () => new HuffmanTable());
const codeLengths = new Uint8Array(MAX_ALPHABET);
/** Which table each group of 50 symbols uses; 900,000 / 50 and one, and room that real files use. */
const selectors = new Uint8Array(18_002);
const frontWords = new Int32Array(64);
const moveToFront = new Uint8Array(frontWords.buffer);
const byteCounts = new Int32Array(256);
/** The transformed block: a byte in the low 8 bits, the place of its successor above. */
let block = new Int32Array(0);

class BitReader {
  /** In bits. Images bound the input to 64 MiB: it fits 32 bits. */
  position: number;
  private readonly view: DataView;

  constructor(
    private readonly input: Uint8Array,
    firstByte: number,
  ) {
    this.view = new DataView(input.buffer, input.byteOffset, input.length);
    this.position = firstByte * 8;
  }

  /** The 25 bits from `position` on, or more, left-aligned to 32; zeros behind the input's end. */
  window(position: number): number {
    const byte = position >>> 3;
    const { input } = this;
    if (byte + 4 <= input.length) return this.view.getInt32(byte) << (position & 7);
    let bits = 0;
    for (let i = 0; i < 4; i++)
      bits = (bits << 8) | (byte + i < input.length ? input[byte + i] : 0);
    return bits << (position & 7);
  }

  /** 1 to 24 bits, the first read being the highest. */
  read(width: number): number {
    const bits = this.window(this.position) >>> (32 - width);
    this.position += width;
    if (this.isBeyondEnd(this.position)) {
      throw corrupt("bzip2", "stream", this.input.length, "the input ends in a block");
    }
    return bits;
  }

  read32(): number {
    const high = this.read(16);
    return (high << 16) | this.read(16);
  }

  isBeyondEnd(position: number): boolean {
    return position > this.input.length * 8;
  }

  /** The byte that is read next. */
  get byte(): number {
    return this.position >>> 3;
  }
}

/** Returns the bytes produced. Throws `corrupt`, or `unsupported` for a randomised block. */
export function decodeBzip2(input: Uint8Array, output: Uint8Array): number {
  if (input.length < 4 || input[0] !== 0x42 || input[1] !== 0x5a || input[2] !== 0x68) {
    throw corrupt("bzip2", "stream", 0, "the signature BZh is missing");
  }
  const level = input[3] - 0x30;
  if (level < 1 || level > 9) throw corrupt("bzip2", "stream", 3, `block size ${level}`);
  const capacity = level * BLOCK_UNIT;
  if (block.length < capacity) block = new Int32Array(capacity);
  const reader = new BitReader(input, 4);
  let to = 0;
  let streamCrc = 0;
  for (;;) {
    const high = reader.read(24);
    const low = reader.read(24);
    if (high === END_MAGIC_HIGH && low === END_MAGIC_LOW) break;
    const start = reader.byte;
    if (high !== BLOCK_MAGIC_HIGH || low !== BLOCK_MAGIC_LOW) {
      throw corrupt("bzip2", "block", start, "its magic is missing");
    }
    const stored = reader.read32();
    if (reader.read(1) !== 0) throw unsupported("bzip2", "a randomised block (bzip2 before 0.9.5)");
    const origin = reader.read(24);
    const length = readBlock(reader, capacity);
    if (origin >= length) {
      throw corrupt("bzip2", "block", start, `origin ${origin} of ${length} bytes`);
    }
    to = writeBlock(length, origin, output, to, stored);
    streamCrc = ((streamCrc << 1) | (streamCrc >>> 31)) ^ stored;
  }
  const stored = reader.read32();
  if (stored !== streamCrc) {
    throw corrupt(
      "bzip2",
      "stream",
      reader.byte,
      `CRC ${hex(streamCrc)} instead of ${hex(stored)}`,
    );
  }
  return to;
}

/** Reads one block's symbols into `block` and counts its bytes. Returns its length. */
function readBlock(reader: BitReader, capacity: number): number {
  const start = reader.byte;
  const used = readSymbolMap(reader);
  if (used === 0) throw corrupt("bzip2", "block", start, "it uses no bytes");
  const alphabet = used + 2;
  const tableCount = reader.read(3);
  if (tableCount < 2 || tableCount > MAX_TABLES) {
    throw corrupt("bzip2", "block", start, `${tableCount} Huffman tables`);
  }
  const selectorCount = readSelectors(reader, tableCount);
  for (let i = 0; i < tableCount; i++) readTable(reader, tables[i], alphabet);
  return readSymbols(reader, selectorCount, used, capacity);
}

/** Which bytes occur, in order, into `moveToFront`. */
function readSymbolMap(reader: BitReader): number {
  const rows = reader.read(16);
  let used = 0;
  for (let row = 0; row < 16; row++) {
    if ((rows & (0x8000 >> row)) === 0) continue;
    const columns = reader.read(16);
    for (let column = 0; column < 16; column++) {
      if ((columns & (0x8000 >> column)) !== 0) moveToFront[used++] = row * 16 + column;
    }
  }
  return used;
}

function readSelectors(reader: BitReader, tableCount: number): number {
  const start = reader.byte;
  const count = reader.read(15);
  if (count === 0) throw corrupt("bzip2", "block", start, "no selectors");
  const order = [0, 1, 2, 3, 4, 5];
  for (let i = 0; i < count; i++) {
    let place = 0;
    while (reader.read(1) === 1) {
      place++;
      if (place >= tableCount) throw corrupt("bzip2", "block", start, `selector ${i} has no table`);
    }
    const table = order[place];
    order.copyWithin(1, 0, place);
    order[0] = table;
    // Some compressors write more selectors than a block can use; the surplus is skipped.
    if (i < selectors.length) selectors[i] = table;
  }
  return Math.min(count, selectors.length);
}

/** Code lengths are written as steps up and down from the one before. */
function readTable(reader: BitReader, table: HuffmanTable, alphabet: number): void {
  let length = reader.read(5);
  for (let symbol = 0; symbol < alphabet; symbol++) {
    for (;;) {
      if (length < 1 || length > MAX_CODE_LENGTH) {
        throw corrupt("bzip2", "Huffman table", reader.byte, `a code of ${length} bits`);
      }
      if (reader.read(1) === 0) break;
      length += reader.read(1) === 0 ? 1 : -1;
    }
    codeLengths[symbol] = length;
  }
  table.build(codeLengths, alphabet);
}

/** Huffman, runs of the front byte, and move-to-front, in one loop. */
function readSymbols(
  reader: BitReader,
  selectorCount: number,
  used: number,
  capacity: number,
): number {
  const start = reader.byte;
  const endOfBlock = used + 1;
  const front = frontWords;
  const out = block;
  byteCounts.fill(0);
  let position = reader.position;
  let length = 0;
  let run = 0;
  let runUnit = 1;
  for (let group = 0; group < selectorCount; group++) {
    const table = tables[selectors[group]];
    const fast = table.fast;
    for (let i = 0; i < GROUP_SYMBOLS; i++) {
      const window = reader.window(position);
      let symbol: number;
      const entry = fast[window >>> (32 - FAST_BITS)];
      if (entry !== 0) {
        position += entry & 31;
        symbol = entry >> 5;
      } else {
        const code = window >>> (32 - MAX_CODE_LENGTH);
        // Those up to FAST_BITS were found above.
        let width = FAST_BITS + 1;
        while (width <= MAX_CODE_LENGTH && code >= table.limit[width]) width++;
        if (width > MAX_CODE_LENGTH) throw corrupt("bzip2", "block", start, "an undefined code");
        position += width;
        symbol = table.symbols[(code >> (MAX_CODE_LENGTH - width)) + table.offset[width]];
      }
      if (symbol <= 1) {
        // RUNA and RUNB: a bijective base-2 number, lowest digit first.
        if (runUnit > capacity) throw corrupt("bzip2", "block", start, "a run longer than a block");
        run += runUnit << symbol;
        runUnit <<= 1;
        continue;
      }
      if (run !== 0) {
        if (run > capacity - length) throw corrupt("bzip2", "block", start, "it is too long");
        const byte = front[0] & 0xff;
        byteCounts[byte] += run;
        for (const end = length + run; length < end; length++) out[length] = byte;
        run = 0;
        runUnit = 1;
      }
      if (symbol === endOfBlock) {
        if (reader.isBeyondEnd(position)) {
          throw corrupt("bzip2", "block", start, "the input ends in it");
        }
        reader.position = position;
        return length;
      }
      const place = symbol - 1;
      if (place >= used) throw corrupt("bzip2", "block", start, "a byte that it does not use");
      if (length >= capacity) throw corrupt("bzip2", "block", start, "it is too long");
      // Four bytes a word, the first in the low bits: all words before the place move up by a byte.
      let w = place >> 2;
      let word = front[w];
      const shift = (place & 3) << 3;
      const byte = (word >>> shift) & 0xff;
      const mask = -1 >>> (24 - shift);
      if (w === 0) front[0] = (word & ~mask) | ((word << 8) & mask) | byte;
      else {
        let below = front[w - 1];
        front[w] = (word & ~mask) | (((word << 8) | (below >>> 24)) & mask);
        while (--w > 0) {
          word = front[w - 1];
          front[w] = (below << 8) | (word >>> 24);
          below = word;
        }
        front[0] = (below << 8) | byte;
      }
      byteCounts[byte]++;
      out[length++] = byte;
    }
    if (reader.isBeyondEnd(position))
      throw corrupt("bzip2", "block", start, "the input ends in it");
  }
  throw corrupt("bzip2", "block", start, "it has no end within its selectors");
}

/** Undoes the transform and the first run-length coding; checks the block's CRC. */
function writeBlock(
  length: number,
  origin: number,
  output: Uint8Array,
  to: number,
  stored: number,
): number {
  const links = block;
  let sum = 0;
  for (let byte = 0; byte < 256; byte++) {
    const count = byteCounts[byte];
    byteCounts[byte] = sum;
    sum += count;
  }
  for (let i = 0; i < length; i++) links[byteCounts[links[i] & 0xff]++] |= i << 8;

  const crcTable = CRC_TABLE;
  const outputEnd = output.length;
  const first = to;
  let crc = -1;
  let repeated = 0;
  let previous = -1;
  let link = links[origin] >>> 8;
  for (let i = 0; i < length; i++) {
    const entry = links[link];
    const byte = entry & 0xff;
    link = entry >>> 8;
    if (repeated === 4) {
      // Four equal bytes are followed by how many more of them there are.
      if (byte > outputEnd - to) throw noRoom(output, first);
      for (const end = to + byte; to < end; to++) {
        output[to] = previous;
        crc = (crc << 8) ^ crcTable[(crc >>> 24) ^ previous];
      }
      repeated = 0;
      previous = -1;
      continue;
    }
    if (to >= outputEnd) throw noRoom(output, first);
    repeated = byte === previous ? repeated + 1 : 1;
    previous = byte;
    output[to++] = byte;
    crc = (crc << 8) ^ crcTable[(crc >>> 24) ^ byte];
  }
  crc = ~crc;
  if (crc !== stored) {
    throw corrupt("bzip2", "output", first, `CRC ${hex(crc)} instead of ${hex(stored)}`);
  }
  return to;
}

function noRoom(output: Uint8Array, first: number): Error {
  return corrupt("bzip2", "output", first, `the stream holds more than ${output.length} bytes`);
}

function hex(crc: number): string {
  return `0x${(crc >>> 0).toString(16).padStart(8, "0")}`;
}
