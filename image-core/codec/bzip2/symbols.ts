/**
 * The symbols of a block: Huffman codes, runs of the front byte, and move-to-front, in one loop. It
 * has one branch that is hard to foresee, for bytes that were not used lately: a run writes the
 * front byte as often as each of its digits says, and so a byte is a run of one.
 */
import {
  add,
  and,
  block,
  type Code,
  decrease,
  type Expression,
  eq,
  extend,
  FunctionBuilder,
  finish,
  geU,
  goTo,
  goToIf,
  gtS,
  gtU,
  I32,
  I64,
  increase,
  load8,
  load16,
  load32,
  load64,
  loop,
  ltS,
  ltU,
  mul,
  or,
  select,
  set,
  shl,
  shrU,
  store32,
  store64,
  sub,
  when,
  wrap,
  xor,
} from "../wasm/assembler.js";
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
 * readSymbols(limit, selectorCount, capacity): the bit of the window behind which no group begins,
 * how many selectors there are, and the longest block. Returns why it stopped.
 */
export function readSymbols(): FunctionBuilder {
  const f = new FunctionBuilder(3);
  const [limit, selectorCount, capacity] = f.parameters;
  const local = () => f.local(I32);
  const [left, length, unit, table] = [local(), local(), local(), local()];
  // The next bits lie below bit `at` + 56 of the memory, which is read downwards: the word loaded at
  // `at` has 56 of them, and up to 7 that were read before.
  const at = local();
  const [entry, symbol, width, isByte] = [local(), local(), local(), local()];
  const [place, steps] = [local(), local()];
  const [byte, low, high] = [f.local(I64), f.local(I64), f.local(I64)];
  const [mask, from, to] = [local(), local(), local()];
  const word = f.local(I64);

  const START = 8 * (INPUT + WINDOW + WINDOW_SLACK) - 56;

  const stop = (why: number): Code => [
    store32(STATE, sub(START, at), 4 * SymbolState.position),
    store32(STATE, length, 4 * SymbolState.length),
    store32(STATE, unit, 4 * SymbolState.unit),
    store64(FRONT, low),
    store64(FRONT, high, 8),
    finish(why),
  ];
  /** The next `count` bits, with others above them. */
  const bits = (count: number): Expression =>
    wrap(shrU(load64(shrU(at, 3)), extend(add(and(at, 7), 56 - count))));
  /** `then` where the bits of `chosen` are set, `otherwise` elsewhere. */
  const merge = (chosen: Expression, then: Expression, otherwise: Expression): Expression =>
    xor(otherwise, and(xor(otherwise, then), chosen));

  const longCode: Code = [
    set(from, and(bits(MAX_CODE_LENGTH), (1 << MAX_CODE_LENGTH) - 1)),
    set(width, FAST_BITS),
    set(entry, shrU(table, FAST_BITS + 1)),
    set(to, add(mul(entry, TABLE_LENGTHS_BYTES), 4 * FAST_BITS)),
    loop((longer) => [
      increase(width, 1),
      increase(to, 4),
      when(gtU(width, MAX_CODE_LENGTH), stop(Stop.undefinedCode)),
      goToIf(geU(from, load32(to, LIMITS)), longer),
    ]),
    set(from, add(shrU(from, sub(MAX_CODE_LENGTH, width)), load32(to, OFFSETS))),
    set(symbol, load16(add(mul(entry, TABLE_SYMBOLS_BYTES), shl(from, 1)), SYMBOLS)),
    decrease(at, width),
  ];

  const near: Code = [
    set(isByte, gtU(symbol, 1)),
    set(place, select(isByte, sub(symbol, 1), 0)),
    set(steps, select(isByte, 1, shl(unit, symbol))),
    set(unit, select(isByte, 1, shl(unit, 1))),
    set(byte, and(shrU(select(gtU(place, 7), high, low), extend(shl(place, 3))), 0xff)),
    set(mask, shl(place, 4)),
    set(high, merge(load64(mask, MASKS + 8), or(shl(high, 8), shrU(low, 56)), high)),
    set(low, merge(load64(mask, MASKS), or(shl(low, 8), byte), low)),
  ];

  const far: Code = [
    set(place, sub(symbol, 1)),
    set(steps, 1),
    set(unit, 1),
    set(byte, extend(load8(place, FRONT))),
    // Bytes 16 to place - 1 move up by one, eight at a time from the top.
    set(from, place),
    block((moved) =>
      loop((move) => [
        goToIf(ltU(from, 24), moved),
        store64(from, load64(from, FRONT - 8), FRONT - 7),
        decrease(from, 8),
        goTo(move),
      ]),
    ),
    set(word, load64(FRONT, 16)),
    store64(
      FRONT,
      merge(load64(shl(sub(from, 16), 4), MASKS), or(shl(word, 8), shrU(high, 56)), word),
      16,
    ),
    set(high, or(shl(high, 8), shrU(low, 56))),
    set(low, or(shl(low, 8), byte)),
  ];

  const fill: Code = [
    when(gtS(steps, sub(capacity, length)), stop(Stop.tooLong)),
    set(from, add(length, 16)),
    set(to, add(length, steps)),
    loop((again) => [
      store64(from, word, LAST),
      store64(from, word, LAST + 8),
      increase(from, 16),
      goToIf(ltU(from, to), again),
    ]),
  ];

  return f.define([
    set(at, sub(START, load32(STATE, 4 * SymbolState.position))),
    set(length, load32(STATE, 4 * SymbolState.length)),
    set(unit, load32(STATE, 4 * SymbolState.unit)),
    set(low, load64(FRONT)),
    set(high, load64(FRONT, 8)),
    loop((nextGroup) => [
      when(ltS(at, sub(START, limit)), stop(Stop.input)),
      set(from, load32(STATE, 4 * SymbolState.group)),
      when(eq(from, selectorCount), stop(Stop.selectors)),
      store32(STATE, add(from, 1), 4 * SymbolState.group),
      set(table, shl(load8(from, SELECTORS), FAST_BITS + 1)),
      set(left, GROUP_SYMBOLS),
      loop((nextSymbol) => [
        set(entry, load16(add(table, and(bits(FAST_BITS + 1), (2 << FAST_BITS) - 2)), FAST)),
        set(symbol, shrU(entry, 5)),
        decrease(at, and(entry, 31)),
        block((movedToFront) => [
          block((isNear) => [
            goToIf(ltS(symbol, NEAR + 1), isNear),
            when(eq(entry, LONG_CODE), longCode),
            goToIf(ltS(symbol, NEAR + 1), isNear),
            when(eq(symbol, END_SYMBOL), stop(Stop.end)),
            far,
            goTo(movedToFront),
          ]),
          near,
        ]),
        set(word, mul(byte, 0x0101010101010101n)),
        store64(length, word, LAST),
        store64(length, word, LAST + 8),
        set(from, shl(wrap(byte), 2)),
        store32(from, add(load32(from, COUNTS), steps), COUNTS),
        when(gtU(steps, 16), fill),
        increase(length, steps),
        decrease(left, 1),
        goToIf(left, nextSymbol),
      ]),
      when(gtS(length, capacity), stop(Stop.tooLong)),
      goTo(nextGroup),
    ]),
  ]);
}
