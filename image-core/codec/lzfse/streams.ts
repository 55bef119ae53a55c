/**
 * The two loops of LZFSE's entropy-coded blocks as WebAssembly functions. Layout: Apple's reference
 * implementation (lzfse_internal.h, lzfse_fse.h).
 */

import {
  add,
  and,
  type Code,
  decrease,
  type Expression,
  eq,
  extend,
  FunctionBuilder,
  finish,
  goToIf,
  gtU,
  I32,
  I64,
  increase,
  type Local,
  load32,
  load32To64,
  load64,
  loop,
  ltS,
  ltU,
  select,
  set,
  shl,
  shrS,
  shrU,
  store8Of64,
  store32,
  sub,
  when,
  wrap,
  xor,
} from "../wasm/assembler.js";
import { copyBytes, copyWords } from "../wasm/copies.js";
import * as layout from "./memory.js";

/**
 * A bit stream that is read from its end towards its beginning. One load of 64 bits, made before it
 * is known how many a round will need, brings at least 56; they are taken at the top.
 */
class BackwardBits {
  private readonly word: Local;

  /** `bit`: how many are left of the stream, which begins at address `start`. */
  constructor(
    f: FunctionBuilder,
    private readonly start: Local,
    private readonly bit: Local,
  ) {
    this.word = f.local(I64);
  }

  refill(): Code {
    const { word, start, bit } = this;
    const last = add(start, shrS(bit, 3));
    return set(word, shl(load64(sub(last, 7)), extend(sub(8, and(bit, 7)))));
  }

  /** The next `count` bits, 0 to 63: the shift is in two parts, since one by 64 would be one by 0. */
  peek(count: Expression): Expression {
    return shrU(shrU(this.word, 1), xor(count, 63));
  }

  drop(count: Expression): Code {
    return set(this.word, shl(this.word, count));
  }

  /** Once a round: leaves by `stop` where the stream did not have that many. */
  take(count: Expression, stop: Code): Code {
    return [set(this.bit, sub(this.bit, wrap(count))), when(ltS(this.bit, 0), stop)];
  }
}

/**
 * literals(start, bit, count, state0, ..., state3): four states take turns at one stream, which has
 * `bit` bits from address `start`. `count` is a multiple of 4 above 0. A round takes up to 40 bits.
 */
export function literalsFunction(): FunctionBuilder {
  const f = new FunctionBuilder(7);
  const [start, bit, count, ...states] = f.parameters;
  const bits = new BackwardBits(f, start, bit);
  const entries = states.map(() => f.local(I64));
  const i = f.local(I32);
  const width = (entry: Local) => and(entry, 0xff);
  return f.define([
    loop((again) => [
      entries.map((entry, k) => set(entry, load32To64(shl(states[k], 2), layout.LITERAL_TABLE))),
      bits.refill(),
      entries.map((entry, k) => [
        store8Of64(i, shrU(entry, 8), layout.LITERALS + k),
        set(states[k], wrap(add(shrS(entry, 16), bits.peek(width(entry))))),
        bits.drop(width(entry)),
      ]),
      bits.take(
        entries.map(width).reduce((a, b) => add(a, b)),
        [store32(layout.STOPPED, i), finish(layout.STREAM_ENDS)],
      ),
      increase(i, 4),
      goToIf(ltU(i, count), again),
    ]),
    finish(layout.DONE),
  ]);
}

/**
 * matches(start, bit, count, lState, mState, dState, literalEnd, to, outputEnd): copies literals and
 * matches to address `to`. `count` is above 0. A round takes up to 14 + 17 + 23 bits.
 */
export function matchesFunction(): FunctionBuilder {
  const f = new FunctionBuilder(9);
  const [start, bit, left, lState, mState, dState, literalEnd, to, outputEnd] = f.parameters;
  const bits = new BackwardBits(f, start, bit);
  const [l, m, d] = [f.local(I32), f.local(I32), f.local(I32)];
  const used = f.local(I64);
  const [literal, distance, source, end] = Array.from({ length: 4 }, () => f.local(I32));

  const stop = (status: number): Code => [
    store32(layout.STOPPED, left),
    store32(layout.STOPPED_TO, to),
    store32(layout.DISTANCE, distance),
    finish(status),
  ];
  const value = (state: Local, table: number, result: Local): Code => {
    const entry = f.local(I64);
    const stateBits = and(entry, 0xff);
    const extraBits = and(shrU(entry, 8), 0xff);
    return [
      set(entry, load32To64(shl(state, 3), table)),
      set(result, load32(shl(state, 3), table + 4)),
      set(state, wrap(add(shrS(entry, 16), bits.peek(stateBits)))),
      bits.drop(stateBits),
      increase(result, wrap(bits.peek(extraBits))),
      bits.drop(extraBits),
      set(used, add(used, add(stateBits, extraBits))),
    ];
  };
  const copy = (from: Local, until: Expression): Code => [
    set(end, until),
    copyWords(to, from, end, 2),
    set(to, end),
  ];

  return f.define([
    set(literal, layout.LITERALS),
    loop((again) => [
      bits.refill(),
      set(used, 0),
      value(lState, layout.L_TABLE, l),
      value(mState, layout.M_TABLE, m),
      value(dState, layout.D_TABLE, d),
      bits.take(used, stop(layout.STREAM_ENDS)),
      // 0 stands for the distance before.
      set(distance, select(eq(d, 0), distance, d)),
      when(gtU(l, sub(literalEnd, literal)), stop(layout.FEW_LITERALS)),
      when(gtU(add(l, m), sub(outputEnd, to)), stop(layout.LITTLE_ROOM)),
      set(source, literal),
      increase(literal, l),
      copy(source, add(to, l)),
      when(m, [
        // Unsigned: a distance of 0 is too far as well.
        when(gtU(distance, sub(to, layout.OUTPUT)), stop(layout.FAR_MATCH)),
        when(eq(distance, 0), stop(layout.FAR_MATCH)),
        set(source, sub(to, distance)),
        when(
          ltU(distance, 8),
          [set(end, add(to, m)), copyBytes(to, source, end)],
          copy(source, add(to, m)),
        ),
      ]),
      decrease(left, 1),
      goToIf(left, again),
    ]),
    stop(layout.DONE),
  ]);
}
