/**
 * The symbols of a block: Huffman codes, runs of the front byte, and move-to-front, in one loop
 * that has one branch that is hard to foresee, for bytes that were not used lately.
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
  const group = f.local("i32");
  const left = f.local("i32");
  const length = f.local("i32");
  const unit = f.local("i32");
  const table = f.local("i32");
  const position = f.local("i32");
  // A bit buffer: at least `count` bits, and what lies behind them in the input, or zeros.
  const bits = f.local("i64");
  const count = f.local("i32");
  const next = f.local("i32");
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

  const TOP = INPUT + WINDOW + WINDOW_SLACK - 8;

  const save = sequence(
    i32.store(STATE, position, 4 * SymbolState.position),
    i32.store(STATE, group, 4 * SymbolState.group),
    i32.store(STATE, length, 4 * SymbolState.length),
    i32.store(STATE, unit, 4 * SymbolState.unit),
    i64.store(FRONT, low),
    i64.store(FRONT, high, 8),
  );
  const updatePosition = position.set(
    i32.subtract(i32.shiftLeft(i32.subtract(TOP, next), 3), count),
  );
  const stop = (why: number) => sequence(updatePosition, save, finish(why));

  /** Bits above `bits` are what `count` counts; the same bits may be put in twice. */
  const refill = sequence(
    bits.set(i64.or(bits, i64.shiftRight(i64.load(next), i64.of(count)))),
    next.set(i32.subtract(next, i32.shiftRight(i32.subtract(63, count), 3))),
    count.set(i32.or(count, 56)),
  );
  const skip = (n: Code) =>
    sequence(
      width.set(n),
      bits.set(i64.shiftLeft(bits, i64.of(width))),
      count.set(i32.subtract(count, width)),
    );

  const longCode = sequence(
    from.set(i32.of(i64.shiftRight(bits, 64 - MAX_CODE_LENGTH))),
    width.set(FAST_BITS),
    entry.set(i32.shiftLeft(i32.load8(group, SELECTORS), 7)),
    loop(
      "longer",
      width.set(i32.add(width, 1)),
      when(i32.greater(width, MAX_CODE_LENGTH), stop(Stop.undefinedCode)),
      repeatIf(
        "longer",
        i32.atLeast(from, i32.load(i32.add(entry, i32.shiftLeft(width, 2)), LIMITS)),
      ),
    ),
    symbol.set(
      i32.load16(
        i32.shiftLeft(
          i32.add(
            i32.add(
              i32.shiftRight(from, i32.subtract(MAX_CODE_LENGTH, width)),
              i32.load(i32.add(entry, i32.shiftLeft(width, 2)), OFFSETS),
            ),
            i32.shiftLeft(entry, 2),
          ),
          1,
        ),
        SYMBOLS,
      ),
    ),
    skip(width.get),
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
    position.set(i32.load(STATE, 4 * SymbolState.position)),
    group.set(i32.load(STATE, 4 * SymbolState.group)),
    length.set(i32.load(STATE, 4 * SymbolState.length)),
    unit.set(i32.load(STATE, 4 * SymbolState.unit)),
    low.set(i64.load(FRONT)),
    high.set(i64.load(FRONT, 8)),
    next.set(i32.subtract(TOP, i32.shiftRight(position, 3))),
    bits.set(i64.shiftLeft(i64.load(next), i64.of(i32.and(position, 7)))),
    next.set(i32.subtract(next, 7)),
    count.set(i32.subtract(56, i32.and(position, 7))),
    loop(
      "group",
      updatePosition,
      when(i32.greaterSigned(position, limit), sequence(save, finish(Stop.input))),
      when(i32.equal(group, selectorCount), sequence(save, finish(Stop.selectors))),
      table.set(i32.shiftLeft(i32.load8(group, SELECTORS), FAST_BITS + 1)),
      left.set(GROUP_SYMBOLS),
      loop(
        "symbol",
        refill,
        entry.set(
          i32.load16(
            i32.add(table, i32.shiftLeft(i32.of(i64.shiftRight(bits, 64 - FAST_BITS)), 1)),
            FAST,
          ),
        ),
        symbol.set(i32.shiftRight(entry, 5)),
        skip(i32.and(entry, 31)),
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
      group.set(i32.add(group, 1)),
      when(i32.greaterSigned(length, capacity), stop(Stop.tooLong)),
      repeat("group"),
    ),
    // Not reached: the loop ends by `finish` alone.
    finish(Stop.selectors),
  );
}
