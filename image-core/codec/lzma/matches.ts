/** Lengths and distances of LZMA (LZMA SDK, "LZMA specification") for the function of `symbols.ts`. */

import {
  add,
  and,
  type Code,
  decrease,
  type Expression,
  type FunctionBuilder,
  geU,
  goToIf,
  I32,
  increase,
  type Local,
  loop,
  ltU,
  or,
  select,
  set,
  shl,
  shrU,
  sub,
  when,
} from "../wasm/assembler.js";
import {
  DISTANCE_ALIGN,
  DISTANCE_SLOT,
  DISTANCE_SPECIAL,
  LENGTH_HIGH,
  LENGTH_LOW,
  LENGTH_MIDDLE,
} from "./memory.js";
import type { RangeDecoder } from "./range-decoder.js";

const MIN_MATCH = 2;

/** Sets `length`: one of three trees, of 8, 8 and 256 lengths. `coder`: the length coder's address. */
export function lzmaLength(
  f: FunctionBuilder,
  decoder: RangeDecoder,
  coder: Local,
  positionState: Local,
  length: Local,
): Code {
  const { node } = decoder;
  const tree = f.local(I32);
  // A tree's result is twice the sum of its size and the value.
  const short = (offset: number, base: number): Code => [
    set(tree, add(coder, shl(positionState, 4))),
    decoder.tree(tree, offset, 3),
    set(length, add(shrU(node, 1), base - 8)),
  ];
  return decoder.bit(
    coder,
    0,
    short(LENGTH_LOW, MIN_MATCH),
    decoder.bit(coder, 2, short(LENGTH_MIDDLE, MIN_MATCH + 8), [
      set(node, 2),
      loop((again) => [
        decoder.freeBit(add(coder, node), LENGTH_HIGH),
        decoder.descend(),
        goToIf(ltU(node, 2 * 256), again),
      ]),
      set(length, add(shrU(node, 1), MIN_MATCH + 16 - 256)),
    ]),
  );
}

/** Sets `distance` (less 1): a slot, and for the larger ones tree bits or plain bits. */
export function lzmaDistance(
  f: FunctionBuilder,
  decoder: RangeDecoder,
  length: Local,
  distance: Local,
): Code {
  const { node } = decoder;
  const [tree, slot, bits, direct, i] = Array.from({ length: 5 }, () => f.local(I32));
  /** The i-th bit, of a tree whose bits come the lowest first. */
  const reverseBit = (address: Expression, offset: number): Code => [
    decoder.freeBit(address, offset),
    increase(distance, shl(decoder.bitValue(), i)),
    increase(i, 1),
    decoder.descend(),
  ];
  return [
    set(tree, shl(select(ltU(length, MIN_MATCH + 3), sub(length, MIN_MATCH), 3), 7)),
    decoder.tree(tree, DISTANCE_SLOT, 6),
    set(slot, sub(shrU(node, 1), 64)),
    set(distance, slot),
    when(geU(slot, 4), [
      set(bits, sub(shrU(slot, 1), 1)),
      set(distance, shl(or(and(slot, 1), 2), bits)),
      set(i, 0),
      set(node, 2),
      when(
        ltU(slot, 14),
        [
          set(tree, shl(sub(distance, slot), 1)),
          loop((again) => [
            reverseBit(add(tree, node), DISTANCE_SPECIAL),
            goToIf(ltU(i, bits), again),
          ]),
        ],
        [
          set(direct, 0),
          decrease(bits, 4),
          loop((again) => [
            decoder.directBit(),
            set(direct, add(shl(direct, 1), decoder.bitValue())),
            decrease(bits, 1),
            goToIf(bits, again),
          ]),
          increase(distance, shl(direct, 4)),
          Array.from({ length: 4 }, () => reverseBit(node, DISTANCE_ALIGN)),
        ],
      ),
    ]),
  ];
}
