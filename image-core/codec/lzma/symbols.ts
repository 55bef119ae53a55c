/**
 * The decoder of LZMA symbols (LZMA SDK, "LZMA specification") as a WebAssembly function. Its memory
 * holds the probabilities, the state between calls, input and output; the output is the dictionary.
 */

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
  gtU,
  I32,
  increase,
  load8,
  load8To64,
  load32,
  loop,
  ltU,
  mul,
  or,
  select,
  set,
  shl,
  shrU,
  store8,
  store32,
  store64,
  sub,
  when,
} from "../wasm/assembler.js";
import { copyBytes, copyWords } from "../wasm/copies.js";
import { lzmaDistance, lzmaLength } from "./matches.js";
import * as layout from "./memory.js";
import { RangeDecoder } from "./range-decoder.js";

/** States below this one follow a literal. */
const LITERAL_STATES = 7;

/**
 * lzma(from, inputEnd, to, outputEnd, dictionaryStart): addresses; the input begins with the range
 * coder's second byte. Returns a status of `memory.ts`. Whether the input was used up is for
 * the caller to see. Reads up to SLACK bytes behind the input, writes up to SLACK behind the output.
 */
export function lzmaFunction(): FunctionBuilder {
  const f = new FunctionBuilder(5);
  const [from, inputEnd, to, outputEnd, dictionaryStart] = f.parameters;
  const decoder = new RangeDecoder(f, from);
  const { range, code, node } = decoder;
  const local = () => f.local(I32);
  const [state, rep0, rep1, rep2, rep3] = [local(), local(), local(), local(), local()];
  const [literalContextBits, literalMask, positionMask] = [local(), local(), local()];
  /** Bytes in the dictionary; the last of them. */
  const [position, previous] = [local(), local()];
  const positionState = local();
  const [lengthCoder, length] = [local(), local()];
  const [tree, matched] = [local(), local()];
  const [source, end] = [local(), local()];

  const saved = [
    [state, layout.STATE],
    [rep0, layout.REP_0],
    [rep1, layout.REP_1],
    [rep2, layout.REP_2],
    [rep3, layout.REP_3],
  ] as const;
  const stop = (status: number): Code => [
    saved.map(([register, address]) => store32(address, register)),
    store32(layout.LENGTH, length),
    store32(layout.STOPPED_FROM, from),
    store32(layout.STOPPED_TO, to),
    store64(layout.RANGE_CODE, code),
    finish(status),
  ];
  // Unsigned: the end mark's distance is 2^32 - 1.
  const needDistance: Code = when(geU(rep0, position), stop(layout.FAR_MATCH));
  const byState = shl(state, 1);
  const byStateAndPosition = add(shl(state, 5), shl(positionState, 1));
  const afterMatch = (ifLiteral: number, ifMatch: number): Code =>
    set(state, select(ltU(state, LITERAL_STATES), ifLiteral, ifMatch));
  const atRep0: Expression = sub(sub(to, rep0), 1);

  /** A literal behind a match is told from the byte that the match would have gone on with. */
  const matchedLiteral: Code = [
    needDistance,
    set(matched, shl(load8(atRep0), 1)),
    decoder.matchedTree(tree, layout.LITERAL, matched),
    set(state, select(ltU(state, 10), sub(state, 3), sub(state, 6))),
  ];
  const literal: Code = [
    // Each context has 0x300 probabilities.
    set(
      tree,
      mul(shl(and(or(shl(position, 8), previous), literalMask), add(literalContextBits, 1)), 3),
    ),
    when(
      ltU(state, LITERAL_STATES),
      [decoder.tree(tree, layout.LITERAL, 8), set(state, select(ltU(state, 4), 0, sub(state, 3)))],
      matchedLiteral,
    ),
    set(previous, and(shrU(node, 1), 0xff)),
    store8(to, previous),
    increase(to, 1),
  ];
  const oneByteMatch: Code = [
    needDistance,
    set(previous, load8(atRep0)),
    store8(to, previous),
    increase(to, 1),
    afterMatch(9, 11),
  ];
  const earlierDistance: Code = [
    decoder.bit(byState, layout.IS_REP_1, set(tree, rep1), [
      decoder.bit(byState, layout.IS_REP_2, set(tree, rep2), [set(tree, rep3), set(rep3, rep2)]),
      set(rep2, rep1),
    ]),
    set(rep1, rep0),
    set(rep0, tree),
  ];

  const copy: Code = [
    needDistance,
    when(gtU(length, sub(outputEnd, to)), stop(layout.LONG_MATCH)),
    set(source, atRep0),
    set(end, add(to, length)),
    when(ltU(rep0, 7), copyBytes(to, source, end), copyWords(to, source, end, 1)),
    set(to, end),
    set(previous, load8(sub(end, 1))),
  ];

  return f.define([
    set(literalContextBits, load32(layout.LITERAL_CONTEXT_BITS)),
    set(literalMask, load32(layout.LITERAL_MASK)),
    set(positionMask, load32(layout.POSITION_MASK)),
    saved.map(([register, address]) => set(register, load32(address))),
    set(range, 2 ** 32 - 1),
    Array.from({ length: 4 }, () => [
      set(code, or(shl(code, 8), load8To64(from))),
      increase(from, 1),
    ]),
    when(gtU(to, dictionaryStart), set(previous, load8(sub(to, 1)))),
    loop((symbol) => [
      when(geU(to, outputEnd), stop(layout.DONE)),
      when(gtU(from, inputEnd), stop(layout.INPUT_ENDS)),
      set(position, sub(to, dictionaryStart)),
      set(positionState, and(position, positionMask)),
      decoder.bit(byStateAndPosition, layout.IS_MATCH, [literal, goTo(symbol)], []),
      set(lengthCoder, layout.REP_LENGTH),
      decoder.bit(
        byState,
        layout.IS_REP,
        [set(rep3, rep2), set(rep2, rep1), set(rep1, rep0), set(lengthCoder, layout.MATCH_LENGTH)],
        decoder.bit(
          byState,
          layout.IS_REP_0,
          decoder.bit(byStateAndPosition, layout.IS_REP_0_LONG, [oneByteMatch, goTo(symbol)], []),
          earlierDistance,
        ),
      ),
      lzmaLength(f, decoder, lengthCoder, positionState, length),
      when(eq(lengthCoder, layout.REP_LENGTH), afterMatch(8, 11), [
        afterMatch(7, 10),
        lzmaDistance(f, decoder, length, rep0),
      ]),
      copy,
      goTo(symbol),
    ]),
  ]);
}
