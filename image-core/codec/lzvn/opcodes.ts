/**
 * LZVN as a WebAssembly function: what the opcodes say is looked up, so that the kinds that are
 * common are told apart without branches. The opcodes are described in `lzvn.ts`.
 */
import * as layout from "../lzfse/memory.js";
import {
  add,
  and,
  type Code,
  type Expression,
  eq,
  FunctionBuilder,
  finish,
  geU,
  goTo,
  goToIf,
  gtU,
  I32,
  increase,
  type Local,
  load8,
  load16,
  load32,
  loop,
  ltU,
  or,
  select,
  set,
  shl,
  shrU,
  store32,
  sub,
  when,
} from "../wasm/assembler.js";
import { copyBytes, copyWords } from "../wasm/copies.js";

// An entry of the table, by byte.
const LITERAL_COUNT = 0;
const MATCH_LENGTH = 1;
/** Of the opcode, literals left out; 0 for those that are told apart by hand. */
const SIZE = 2;
/** Which bits of the first byte are the distance's high ones. */
const HIGH_DISTANCE = 3;
/** The low ones: how far above the opcode's lowest bit they lie, and which; none if it stays. */
const LOW_SHIFT = 4;
const LOW_MASK = 6;
/** Which bits of the second byte add to the match's length. */
const MORE_LENGTH = 5;
const ENTRY_BYTES = 8;

const END_OF_STREAM = 0x06;
const NO_OPERATION_1 = 0x0e;
const NO_OPERATION_2 = 0x16;
const LONG_LITERALS = 0xe0;
const LONG_MATCH = 0xf0;
const MIN_MATCH = 3;

export function fillLzvnTable(view: DataView): void {
  for (let opcode = 0; opcode < 256; opcode++) {
    const entry = lzvnEntry(opcode);
    for (const [i, byte] of entry.entries()) {
      view.setUint8(layout.LZVN_TABLE + opcode * ENTRY_BYTES + i, byte);
    }
  }
}

/** In the order of the bytes above; all zeros for an opcode that is told apart by hand. */
function lzvnEntry(opcode: number): number[] {
  const byHand = new Array<number>(ENTRY_BYTES).fill(0);
  if (opcode >= 0xe0) {
    const count = opcode & 15;
    if (count === 0) return byHand;
    return opcode < 0xf0 ? [count, 0, 1, 0, 0, 0, 0, 0] : [0, count, 1, 0, 0, 0, 0, 0];
  }
  if (opcode >= 0xa0 && opcode < 0xc0) {
    return [(opcode >> 3) & 3, ((opcode & 7) << 2) + MIN_MATCH, 3, 0, 10, 3, 0xff, 0x3f];
  }
  if ((opcode & 0xf0) === 0x70 || opcode >= 0xd0) return byHand;
  const literals = opcode >> 6;
  const match = ((opcode >> 3) & 7) + MIN_MATCH;
  switch (opcode & 7) {
    case 6:
      return literals === 0 ? byHand : [literals, match, 1, 0, 0, 0, 0, 0];
    case 7:
      return [literals, match, 3, 0, 8, 0, 0xff, 0xff];
    default:
      return [literals, match, 2, 7, 8, 0, 0xff, 0];
  }
}

/**
 * lzvn(from, inputEnd, to, outputEnd): addresses. Decodes up to the end mark or a full output.
 * Reads up to SLACK bytes behind the input, writes up to SLACK behind the output.
 */
export function lzvnFunction(): FunctionBuilder {
  const f = new FunctionBuilder(4);
  const [from, inputEnd, to, outputEnd] = f.parameters;
  const local = () => f.local(I32);
  const [start, word, opcode, entry] = [local(), local(), local(), local()];
  const [literals, match, distance, low] = [local(), local(), local(), local()];
  const [source, end] = [local(), local()];

  const stop = (status: number): Code => [
    store32(layout.STOPPED, start),
    store32(layout.STOPPED_FROM, from),
    store32(layout.STOPPED_TO, to),
    store32(layout.DISTANCE, distance),
    store32(layout.LITERAL_COUNT, literals),
    store32(layout.MATCH_LENGTH, match),
    finish(status),
  ];
  const field = (offset: number) => load8(entry, layout.LZVN_TABLE + offset);
  const copy = (origin: Local, count: Expression): Code => [
    set(end, add(to, count)),
    copyWords(to, origin, end, 1),
    set(to, end),
  ];
  const longCount = (count: Local, other: Local): Code => [
    when(geU(from, inputEnd), stop(layout.CUT_OPCODE)),
    set(count, add(load8(from), 16)),
    set(other, 0),
    increase(from, 1),
  ];

  return f.define([
    loop((next) => [
      when(geU(to, outputEnd), stop(layout.DONE)),
      set(start, from),
      when(geU(from, inputEnd), stop(layout.NO_END_MARK)),
      set(word, load32(from)),
      set(opcode, and(word, 0xff)),
      set(entry, shl(opcode, 3)),
      when(
        field(SIZE),
        [
          increase(from, field(SIZE)),
          when(gtU(from, inputEnd), stop(layout.CUT_OPCODE)),
          set(literals, field(LITERAL_COUNT)),
          set(match, add(field(MATCH_LENGTH), and(shrU(word, 8), field(MORE_LENGTH)))),
          set(low, load16(entry, layout.LZVN_TABLE + LOW_MASK)),
          set(
            distance,
            select(
              low,
              or(shl(and(word, field(HIGH_DISTANCE)), 8), and(shrU(word, field(LOW_SHIFT)), low)),
              distance,
            ),
          ),
        ],
        [
          increase(from, 1),
          when(eq(opcode, END_OF_STREAM), stop(layout.DONE)),
          goToIf(eq(opcode, NO_OPERATION_1), next),
          goToIf(eq(opcode, NO_OPERATION_2), next),
          when(
            eq(opcode, LONG_LITERALS),
            longCount(literals, match),
            when(eq(opcode, LONG_MATCH), longCount(match, literals), stop(layout.UNDEFINED_OPCODE)),
          ),
        ],
      ),
      when(gtU(literals, sub(inputEnd, from)), stop(layout.FEW_BYTES)),
      when(gtU(literals, sub(outputEnd, to)), stop(layout.LITTLE_ROOM)),
      set(source, from),
      increase(from, literals),
      copy(source, literals),
      goToIf(eq(match, 0), next),
      // Unsigned: a distance of 0 is too far as well.
      when(geU(sub(distance, 1), sub(to, layout.OUTPUT)), stop(layout.FAR_MATCH)),
      when(gtU(match, sub(outputEnd, to)), stop(layout.LONG_MATCH)),
      set(source, sub(to, distance)),
      when(
        ltU(distance, 8),
        [set(end, add(to, match)), copyBytes(to, source, end)],
        copy(source, match),
      ),
      goTo(next),
    ]),
  ]);
}
