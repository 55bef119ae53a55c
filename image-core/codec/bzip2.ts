/**
 * bzip2 streams (UDIF type 0x80000006): blocks of up to 900 kB through run-length coding, the
 * Burrows-Wheeler transform, move-to-front and several Huffman tables, each block with its CRC.
 *
 * There is no official text; the layout is as J. Seward's program writes it. The inner loops are
 * WebAssembly (`bzip2/machine.ts`), more than twice as fast as the same in TypeScript, and sooner
 * compiled: symbols want 64-bit words and choices without branches. Working memory of a thread:
 * 4.8 MB at most, taken as far as blocks need it and kept, and some 3 MB of V8's.
 */
import { corrupt } from "../errors.js";
import { BitReader } from "./bzip2/bit-reader.js";
import { readTables } from "./bzip2/huffman.js";
import { type Bzip2Machine, bzip2Machine } from "./bzip2/machine.js";
import {
  COUNTS,
  INPUT,
  LINKS,
  OUTPUT,
  STAGE,
  STATE,
  WINDOW,
  WINDOW_SLACK,
} from "./bzip2/memory.js";
import { unrandomise } from "./bzip2/randomised.js";
import { Stop, SymbolState } from "./bzip2/symbols.js";
import { untransform } from "./bzip2/transform.js";

const BLOCK_MAGIC_HIGH = 0x314159;
const BLOCK_MAGIC_LOW = 0x265359;
const END_MAGIC_HIGH = 0x177245;
const END_MAGIC_LOW = 0x385090;
const BLOCK_UNIT = 100_000;

/** Returns the bytes produced. Throws `corrupt`. */
export function decodeBzip2(input: Uint8Array, output: Uint8Array): number {
  if (input.length < 4 || input[0] !== 0x42 || input[1] !== 0x5a || input[2] !== 0x68) {
    throw corrupt("bzip2", "stream", 0, "the signature BZh is missing");
  }
  const level = input[3] - 0x30;
  if (level < 1 || level > 9) throw corrupt("bzip2", "stream", 3, `block size ${level}`);
  const machine = bzip2Machine();
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
    const randomised = reader.read(1) === 1;
    const origin = reader.read(24);
    const length = readBlock(reader, machine, level * BLOCK_UNIT);
    if (origin >= length) {
      throw corrupt("bzip2", "block", start, `origin ${origin} of ${length} bytes`);
    }
    untransform(machine, length, origin);
    if (randomised) unrandomise(machine.bytes.subarray(LINKS, LINKS + length));
    to = writeBlock(machine, length, output, to, stored);
    streamCrc = ((streamCrc << 1) | (streamCrc >>> 31)) ^ stored;
  }
  const stored = reader.read32();
  if (stored !== streamCrc) {
    const problem = `CRC ${hex(streamCrc)} instead of ${hex(stored)}`;
    throw corrupt("bzip2", "stream", reader.byte, problem);
  }
  return to;
}

/** Reads a block's symbols: its bytes in the transform's order, and how often each occurs. */
function readBlock(reader: BitReader, machine: Bzip2Machine, capacity: number): number {
  const start = reader.byte;
  const selectorCount = readTables(reader, machine);
  const { words } = machine;
  words.fill(0, COUNTS / 4, COUNTS / 4 + 256);
  const state = STATE / 4;
  words[state + SymbolState.group] = 0;
  words[state + SymbolState.length] = 0;
  words[state + SymbolState.unit] = 1;
  for (;;) {
    const first = reader.byte;
    const available = loadWindow(machine, reader.input, first);
    words[state + SymbolState.position] = reader.position - first * 8;
    const stop = machine.readSymbols(available * 8, selectorCount, capacity);
    reader.position = first * 8 + words[state + SymbolState.position];
    if (stop === Stop.undefinedCode) throw corrupt("bzip2", "block", start, "an undefined code");
    if (stop === Stop.tooLong) throw corrupt("bzip2", "block", start, "it is too long");
    reader.expectNotBeyondEnd();
    if (stop === Stop.end) break;
    if (stop === Stop.selectors) {
      throw corrupt("bzip2", "block", start, "it has no end within its selectors");
    }
  }
  const length = words[state + SymbolState.length];
  if (length > capacity) throw corrupt("bzip2", "block", start, "it is too long");
  return length;
}

/** Returns how many bytes of the input the window holds; zeros follow them. */
function loadWindow({ bytes }: Bzip2Machine, input: Uint8Array, first: number): number {
  const window = bytes.subarray(INPUT, INPUT + WINDOW + WINDOW_SLACK);
  const piece = input.subarray(first, first + window.length);
  window.set(piece);
  window.fill(0, piece.length);
  window.reverse();
  return Math.min(piece.length, WINDOW);
}

/** Undoes the first run-length coding; checks the block's CRC. Returns where the output ends. */
function writeBlock(
  { bytes, words, expandRuns, checksum }: Bzip2Machine,
  length: number,
  output: Uint8Array,
  first: number,
  stored: number,
): number {
  const end = LINKS + length;
  bytes[end] = ~bytes[end - 1];
  let to = first;
  let crc = -1;
  for (let from = LINKS; from < end; from = words[STATE / 4]) {
    const made = expandRuns(from, end, OUTPUT, OUTPUT + STAGE);
    if (made - OUTPUT > output.length - to) {
      const problem = `the stream holds more than ${output.length} bytes`;
      throw corrupt("bzip2", "output", first, problem);
    }
    crc = checksum(crc, OUTPUT, made);
    output.set(bytes.subarray(OUTPUT, made), to);
    to += made - OUTPUT;
  }
  const computed = swapBytes(~crc);
  if (computed !== stored) {
    throw corrupt("bzip2", "output", first, `CRC ${hex(computed)} instead of ${hex(stored)}`);
  }
  return to;
}

/** The checksum's bytes are swapped: see there. */
function swapBytes(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

function hex(crc: number): string {
  return `0x${(crc >>> 0).toString(16).padStart(8, "0")}`;
}
