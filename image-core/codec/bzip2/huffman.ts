/** What stands before a block's symbols: which bytes occur, which table is used when, the tables. */
import { corrupt } from "../../errors.js";
import type { BitReader } from "./bit-reader.js";
import type { Bzip2Machine } from "./machine.js";
import {
  FAST,
  FAST_BITS,
  FRONT,
  LIMITS,
  MAX_ALPHABET,
  MAX_CODE_LENGTH,
  MAX_SELECTORS,
  MAX_TABLES,
  OFFSETS,
  SELECTORS,
  SYMBOLS,
  TABLE_LENGTHS_BYTES,
  TABLE_SYMBOLS_BYTES,
} from "./memory.js";
import { END_SYMBOL, LONG_CODE } from "./symbols.js";

const codeLengths = new Uint8Array(MAX_ALPHABET);
const order = new Uint8Array(MAX_TABLES);

/** Reads everything into the machine's memory. Returns how many selectors there are. */
export function readTables(reader: BitReader, machine: Bzip2Machine): number {
  const start = reader.byte;
  const used = readSymbolMap(reader, machine.bytes);
  if (used === 0) throw corrupt("bzip2", "block", start, "it uses no bytes");
  const tableCount = reader.read(3);
  if (tableCount < 2 || tableCount > MAX_TABLES) {
    throw corrupt("bzip2", "block", start, `${tableCount} Huffman tables`);
  }
  const selectorCount = readSelectors(reader, machine.bytes, tableCount);
  for (let table = 0; table < tableCount; table++) {
    readLengths(reader, used + 2);
    buildTable(machine, table, used + 2);
  }
  return selectorCount;
}

/** Which bytes occur, in order, is where move-to-front begins. */
function readSymbolMap(reader: BitReader, bytes: Uint8Array): number {
  const rows = reader.read(16);
  let used = 0;
  for (let row = 0; row < 16; row++) {
    if ((rows & (0x8000 >> row)) === 0) continue;
    const columns = reader.read(16);
    for (let column = 0; column < 16; column++) {
      if ((columns & (0x8000 >> column)) !== 0) bytes[FRONT + used++] = row * 16 + column;
    }
  }
  return used;
}

/** Places in the order of the tables' last use, in unary. */
function readSelectors(reader: BitReader, bytes: Uint8Array, tableCount: number): number {
  const start = reader.byte;
  const count = reader.read(15);
  if (count === 0) throw corrupt("bzip2", "block", start, "no selectors");
  for (let table = 0; table < MAX_TABLES; table++) order[table] = table;
  for (let i = 0; i < count; i++) {
    const place = Math.clz32(~reader.window());
    if (place >= tableCount) throw corrupt("bzip2", "block", start, `selector ${i} has no table`);
    reader.position += place + 1;
    const table = order[place];
    for (let above = place; above > 0; above--) order[above] = order[above - 1];
    order[0] = table;
    // Some compressors write more selectors than a block can use; the surplus is skipped.
    if (i < MAX_SELECTORS) bytes[SELECTORS + i] = table;
  }
  reader.expectNotBeyondEnd();
  return Math.min(count, MAX_SELECTORS);
}

/** Code lengths are written as steps up and down from the one before. */
function readLengths(reader: BitReader, alphabet: number): void {
  let length = reader.read(5);
  for (let symbol = 0; symbol < alphabet; symbol++) {
    for (;;) {
      if (length < 1 || length > MAX_CODE_LENGTH) {
        throw corrupt("bzip2", "Huffman table", reader.byte, `a code of ${length} bits`);
      }
      const window = reader.window();
      if (window >= 0) break;
      length += (window & 0x4000_0000) === 0 ? 1 : -1;
      reader.position += 2;
    }
    reader.position++;
    codeLengths[symbol] = length;
  }
  reader.expectNotBeyondEnd();
}

/** Canonical codes: a direct table for short ones, limits for long ones. */
function buildTable({ halves, words }: Bzip2Machine, table: number, alphabet: number): void {
  const fast = FAST / 2 + (table << FAST_BITS);
  const limits = (LIMITS + table * TABLE_LENGTHS_BYTES) / 4;
  const offsets = (OFFSETS + table * TABLE_LENGTHS_BYTES) / 4;
  const symbols = (SYMBOLS + table * TABLE_SYMBOLS_BYTES) / 2;
  const end = alphabet - 1;
  let filled = fast;
  let code = 0;
  let place = 0;
  for (let length = 1; length <= MAX_CODE_LENGTH; length++) {
    words[offsets + length] = place - code;
    for (let symbol = 0; symbol < alphabet; symbol++) {
      if (codeLengths[symbol] !== length) continue;
      const named = symbol === end ? END_SYMBOL : symbol;
      halves[symbols + place++] = named;
      // An over-full code space has no fast entries: such codes fail, or decode by their limits.
      if (length <= FAST_BITS && code < 1 << length) {
        const entry = (named << 5) | length;
        for (const next = filled + (1 << (FAST_BITS - length)); filled < next; filled++) {
          halves[filled] = entry;
        }
      }
      code++;
    }
    words[limits + length] = Math.min(code, 1 << length) << (MAX_CODE_LENGTH - length);
    code <<= 1;
  }
  halves.fill(LONG_CODE, filled, fast + (1 << FAST_BITS));
}
