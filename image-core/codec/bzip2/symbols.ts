/**
 * The symbols of a block: Huffman codes, runs of the front byte, and move-to-front, in one loop. It
 * has one branch that is hard to foresee, for bytes that were not used lately: a run writes the
 * front byte as often as each of its digits says, and so a byte is a run of one.
 */

import type { FunctionBuilder } from "../webassembly/assembler.js";
import {
  block,
  type Code,
  finish,
  i32,
  i64,
  leave,
  leaveIf,
  loop,
  repeat,
  repeatIf,
  sequence,
  when,
} from "../webassembly/instructions.js";
import {
  COUNTS,
  FAST,
  FAST_BITS,
  FRONT,
  GROUP_SYMBOLS,
  INPUT,
  LAST,
  LIMITS,
  MASKS,
  MAX_CODE_LENGTH,
  OFFSETS,
  SELECTORS,
  STATE,
  SYMBOLS,
  TABLE_LENGTHS_BYTES,
  TABLE_SYMBOLS_BYTES,
  WINDOW,
  WINDOW_SLACK,
} from "./memory.js";

/** In the tables, for the symbol that ends a block, whatever its number. */
export const END_SYMBOL = 300;
/** The entry of FAST for codes that are longer; no symbol is so high. */
export const LONG_CODE = 0x7ff << 5;
/** Symbols up to this are RUNA, RUNB and the bytes of the 16 first places. */
const NEAR = 16;

export const Stop = {
  /** The window has been read up to its limit. */
  input: 0,
  end: 1,
  selectors: 2,
  undefinedCode: 3,
  tooLong: 4,
} as const;

/** Words of STATE between calls. */
export const SymbolState = {
  /** Bits of the window that have been read. */
  position: 0,
  group: 1,
  length: 2,
  /** What RUNA stands for if it is next. */
  unit: 3,
};

/**
 * Parameters: the bit of the window behind which no group begins, how many selectors there are, and
 * the longest block. Returns why it stopped.
 */
export function readSymbols(f: FunctionBuilder): Code {
  const limit = f.parameter();
  const selectorCount = f.parameter();
  const capacity = f.parameter();
  const left = f.local("i32");
  const length = f.local("i32");
  const unit = f.local("i32");
  const table = f.local("i32");
  // The next bits lie below bit `at` + 56 of the memory, which is read downwards: the word loaded at
  // `at` has 56 of them, and up to 7 that were read before.
  const at = f.local("i32");
  const entry = f.local("i32");
  const symbol = f.local("i32");
  const width = f.local("i32");
  const isByte = f.local("i32");
  const place = f.local("i32");
  const steps = f.local("i32");
  const byte = f.local("i64");
  const low = f.local("i64");
  const high = f.local("i64");
  const mask = f.local("i32");
  const from = f.local("i32");
  const to = f.local("i32");
  const word = f.local("i64");

  const START = 8 * (INPUT + WINDOW + WINDOW_SLACK) - 56;

  const save = sequence(
    i32.store(STATE, i32.subtract(START, at), 4 * SymbolState.position),
    i32.store(STATE, length, 4 * SymbolState.length),
    i32.store(STATE, unit, 4 * SymbolState.unit),
    i64.store(FRONT, low),
    i64.store(FRONT, high, 8),
  );
  const stop = (why: number) => sequence(save, finish(why));
  /** The next `count` bits, with others above them. */
  const bits = (count: number) =>
    i32.of(
      i64.shiftRight(i64.load(i32.shiftRight(at, 3)), i64.of(i32.add(i32.and(at, 7), 56 - count))),
    );

  const longCode = sequence(
    from.set(i32.and(bits(MAX_CODE_LENGTH), (1 << MAX_CODE_LENGTH) - 1)),
    width.set(FAST_BITS),
    entry.set(i32.shiftRight(table, FAST_BITS + 1)),
    to.set(i32.add(i32.multiply(entry, TABLE_LENGTHS_BYTES), 4 * FAST_BITS)),
    loop(
      "longer",
      width.set(i32.add(width, 1)),
      to.set(i32.add(to, 4)),
      when(i32.greater(width, MAX_CODE_LENGTH), stop(Stop.undefinedCode)),
      repeatIf("longer", i32.atLeast(from, i32.load(to, LIMITS))),
    ),
    from.set(
      i32.add(i32.shiftRight(from, i32.subtract(MAX_CODE_LENGTH, width)), i32.load(to, OFFSETS)),
    ),
    symbol.set(
      i32.load16(
        i32.add(i32.multiply(entry, TABLE_SYMBOLS_BYTES), i32.shiftLeft(from, 1)),
        SYMBOLS,
      ),
    ),
    at.set(i32.subtract(at, width)),
  );

  const near = sequence(
    isByte.set(i32.greater(symbol, 1)),
    place.set(i32.select(isByte, i32.subtract(symbol, 1), 0)),
    steps.set(i32.select(isByte, 1, i32.shiftLeft(unit, symbol))),
    unit.set(i32.select(isByte, 1, i32.shiftLeft(unit, 1))),
    byte.set(
      i64.and(
        i64.shiftRight(
          i64.select(i32.greater(place, 7), high, low),
          i64.of(i32.shiftLeft(place, 3)),
        ),
        0xff,
      ),
    ),
    mask.set(i32.shiftLeft(place, 4)),
    high.set(
      i64.xor(
        high,
        i64.and(
          i64.xor(high, i64.or(i64.shiftLeft(high, 8), i64.shiftRight(low, 56))),
          i64.load(mask, MASKS + 8),
        ),
      ),
    ),
    low.set(
      i64.xor(
        low,
        i64.and(i64.xor(low, i64.or(i64.shiftLeft(low, 8), byte)), i64.load(mask, MASKS)),
      ),
    ),
  );

  const far = sequence(
    place.set(i32.subtract(symbol, 1)),
    steps.set(1),
    unit.set(1),
    byte.set(i64.of(i32.load8(place, FRONT))),
    // Bytes 16 to place - 1 move up by one, eight at a time from the top.
    from.set(place),
    block(
      "moved",
      loop(
        "move",
        leaveIf("moved", i32.less(from, 24)),
        i64.store(from, i64.load(from, FRONT - 8), FRONT - 7),
        from.set(i32.subtract(from, 8)),
        repeat("move"),
      ),
    ),
    word.set(i64.load(FRONT, 16)),
    i64.store(
      FRONT,
      i64.xor(
        word,
        i64.and(
          i64.xor(word, i64.or(i64.shiftLeft(word, 8), i64.shiftRight(high, 56))),
          i64.load(i32.shiftLeft(i32.subtract(from, 16), 4), MASKS),
        ),
      ),
      16,
    ),
    high.set(i64.or(i64.shiftLeft(high, 8), i64.shiftRight(low, 56))),
    low.set(i64.or(i64.shiftLeft(low, 8), byte)),
  );

  const fill = sequence(
    when(i32.greaterSigned(steps, i32.subtract(capacity, length)), stop(Stop.tooLong)),
    from.set(i32.add(length, 16)),
    to.set(i32.add(length, steps)),
    loop(
      "fill",
      i64.store(from, word, LAST),
      i64.store(from, word, LAST + 8),
      from.set(i32.add(from, 16)),
      repeatIf("fill", i32.less(from, to)),
    ),
  );

  return sequence(
    at.set(i32.subtract(START, i32.load(STATE, 4 * SymbolState.position))),
    length.set(i32.load(STATE, 4 * SymbolState.length)),
    unit.set(i32.load(STATE, 4 * SymbolState.unit)),
    low.set(i64.load(FRONT)),
    high.set(i64.load(FRONT, 8)),
    loop(
      "group",
      when(i32.lessSigned(at, i32.subtract(START, limit)), stop(Stop.input)),
      from.set(i32.load(STATE, 4 * SymbolState.group)),
      when(i32.equal(from, selectorCount), stop(Stop.selectors)),
      i32.store(STATE, i32.add(from, 1), 4 * SymbolState.group),
      table.set(i32.shiftLeft(i32.load8(from, SELECTORS), FAST_BITS + 1)),
      left.set(GROUP_SYMBOLS),
      loop(
        "symbol",
        entry.set(
          i32.load16(i32.add(table, i32.and(bits(FAST_BITS + 1), (2 << FAST_BITS) - 2)), FAST),
        ),
        symbol.set(i32.shiftRight(entry, 5)),
        at.set(i32.subtract(at, i32.and(entry, 31))),
        block(
          "moved to front",
          block(
            "near",
            leaveIf("near", i32.lessSigned(symbol, NEAR + 1)),
            when(i32.equal(entry, LONG_CODE), longCode),
            leaveIf("near", i32.lessSigned(symbol, NEAR + 1)),
            when(i32.equal(symbol, END_SYMBOL), stop(Stop.end)),
            far,
            leave("moved to front"),
          ),
          near,
        ),
        word.set(i64.multiply(byte, 0x0101010101010101n)),
        i64.store(length, word, LAST),
        i64.store(length, word, LAST + 8),
        from.set(i32.shiftLeft(i32.of(byte), 2)),
        i32.store(from, i32.add(i32.load(from, COUNTS), steps), COUNTS),
        when(i32.greater(steps, 16), fill),
        length.set(i32.add(length, steps)),
        left.set(i32.subtract(left, 1)),
        repeatIf("symbol", left),
      ),
      when(i32.greaterSigned(length, capacity), stop(Stop.tooLong)),
      repeat("group"),
    ),
    // Not reached: the loop ends by `finish` alone.
    finish(Stop.selectors),
  );
}
