/**
 * Where everything lies in the memory of the WebAssembly functions. Each thread that decodes bzip2
 * has one, of 4.8 MB; blocks of less than 900 kB touch less of it.
 */

export const MAX_CODE_LENGTH = 20;
export const MAX_ALPHABET = 258;
export const MAX_TABLES = 6;
/** Each group of so many symbols has one Huffman table. */
export const GROUP_SYMBOLS = 50;
/** 900,000 / 50 and one, and room that real files use. */
export const MAX_SELECTORS = 18_002;
export const MAX_BLOCK = 900_000;
/** Codes up to this length are found by one look-up. */
export const FAST_BITS = 10;

/** Compressed bytes that are decoded at a time. */
export const WINDOW = 32_768;
/** What one group may read beyond, with eight bytes that are loaded at once. */
export const WINDOW_SLACK = Math.ceil((GROUP_SYMBOLS * MAX_CODE_LENGTH) / 8) + 16;
/** Output is made so many bytes at a time. */
export const STAGE = 65_536;
/** The longest run with its first bytes, and what is stored eight bytes at a time. */
const STAGE_SLACK = 320;
/** The walk writes this many rows side by side... */
export const LANES = 16;
/** ...each of this many bytes. */
export const ROW = 1024;
export const SLAB = LANES * ROW;

let top = 0;

/** The next `bytes`, on a line of the cache of their own. */
function region(bytes: number): number {
  const at = top;
  top = Math.ceil((at + bytes) / 64) * 64;
  return at;
}

/** What a function that stops half-way goes on with, and what it found: see each function. */
export const STATE = region(64);
/** By byte: how often it occurs in the block. */
export const COUNTS = region(256 * 4);
/** By byte: where its places end, when they are given out. */
export const ENDS = region(256 * 4);
/** The bytes in order of their last use, the latest first. */
export const FRONT = region(256 + 8);
/** 16 masks of 16 bytes: all bits set in the bytes 0 to n. */
export const MASKS = region(16 * 16);
/** By lane: where it stands, as four times its place. */
export const LANE_PLACES = region(LANES * 4);
/** Eight tables, the first for the last of eight bytes; the bytes of each CRC are swapped. */
export const CRC_TABLES = region(8 * 1024);
export const SELECTORS = region(MAX_SELECTORS);

/** By table, by the next bits: symbol (above) and length (low 5 bits). */
export const FAST = region(MAX_TABLES * (2 << FAST_BITS));
/** Each table's part of LIMITS and of OFFSETS, and of SYMBOLS. */
export const TABLE_LENGTHS_BYTES = 128;
export const TABLE_SYMBOLS_BYTES = 1024;
/** By table, by length: the first code that is longer, left-aligned to MAX_CODE_LENGTH bits. */
export const LIMITS = region(MAX_TABLES * TABLE_LENGTHS_BYTES);
/** By table, by length: what to add to a code for its place in SYMBOLS. */
export const OFFSETS = region(MAX_TABLES * TABLE_LENGTHS_BYTES);
/** By table: the symbols in the order of their codes. */
export const SYMBOLS = region(MAX_TABLES * TABLE_SYMBOLS_BYTES);

/** Compressed bytes, the last one first: a word that is loaded has the first of them at its top. */
export const INPUT = region(WINDOW + WINDOW_SLACK);
export const OUTPUT = region(STAGE + STAGE_SLACK);
/**
 * The last column of the transform, with a group's symbols beyond its end. When the links are made,
 * the pieces of the walk.
 */
export const LAST = region(MAX_BLOCK + 2 * SLAB);
/**
 * By place, a word: its byte (low 8 bits), its successor (bits 10 to 29), the mark (bit 31). After
 * the walk, the bytes of the block in order.
 */
export const LINKS = region(MAX_BLOCK * 4 + 64);

export const MEMORY_BYTES = top;
