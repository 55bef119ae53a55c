/**
 * The inverse Burrows-Wheeler transform: WebAssembly functions for its two loops.
 *
 * A block's bytes are a chain through a table of up to 3.6 MB in no order, so that each step waits
 * for the memory. Here many parts of it are followed at once: `transform.ts` finds the parts.
 */
import {
  add,
  block,
  decrease,
  type Expression,
  FunctionBuilder,
  finish,
  geU,
  goTo,
  goToIf,
  I32,
  increase,
  type Local,
  load8,
  load32,
  loop,
  ltS,
  ltU,
  or,
  set,
  shl,
  shrU,
  store8,
  store32,
  sub,
  when,
} from "../wasm/assembler.js";
import { COUNTS, ENDS, LANE_PLACES, LANES, LAST, LINKS, ROW } from "./memory.js";

/**
 * makeLinks(length): of the block. COUNTS holds by byte its first place, ENDS the one behind its
 * last.
 *
 * From both ends at once: where a byte comes several times in a row, as it mostly does, each waits
 * for the count that the one before has stored. A byte in the middle is met from both, which then
 * agree on its place: there is one left.
 */
export function makeLinks(): FunctionBuilder {
  const f = new FunctionBuilder(1);
  const [high] = f.parameters;
  const [low, byte, count] = [f.local(I32), f.local(I32), f.local(I32)];
  const [otherByte, otherCount] = [f.local(I32), f.local(I32)];
  const entry = (place: Local, value: Local): Expression => or(shl(place, 10), shrU(value, 2));
  return f.define([
    block((done) =>
      loop((pair) => [
        goToIf(geU(low, high), done),
        decrease(high, 1),
        set(byte, shl(load8(low, LAST), 2)),
        set(count, load32(byte, COUNTS)),
        store32(shl(count, 2), entry(low, byte), LINKS),
        store32(byte, add(count, 1), COUNTS),
        set(otherByte, shl(load8(high, LAST), 2)),
        set(otherCount, sub(load32(otherByte, ENDS), 1)),
        store32(shl(otherCount, 2), entry(high, otherByte), LINKS),
        store32(otherByte, otherCount, ENDS),
        increase(low, 1),
        goTo(pair),
      ]),
    ),
    finish(0),
  ]);
}

/**
 * walkLanes(start, steps): where the first row is written, and how many steps at most. Returns how
 * many it made: fewer where a lane has come to a mark.
 */
export function walkLanes(): FunctionBuilder {
  const f = new FunctionBuilder(2);
  const [start, steps] = f.parameters;
  const [at, end] = [f.local(I32), f.local(I32)];
  const lanes = Array.from({ length: LANES }, (_, lane) => ({
    lane,
    place: f.local(I32),
    entry: f.local(I32),
  }));
  const anyEntry = lanes
    .map(({ entry }): Expression => entry)
    .reduce((any, entry) => or(any, entry));
  return f.define([
    lanes.map(({ lane, place }) => set(place, load32(LANE_PLACES, 4 * lane))),
    set(at, start),
    set(end, add(start, steps)),
    block((marked) =>
      loop((step) => [
        lanes.map(({ place, entry }) => set(entry, load32(place, LINKS))),
        goToIf(ltS(anyEntry, 0), marked),
        lanes.map(({ lane, entry }) => store8(at, entry, lane * ROW)),
        lanes.map(({ place, entry }) => set(place, shrU(entry, 8))),
        increase(at, 1),
        goToIf(ltU(at, end), step),
      ]),
    ),
    lanes.map(({ lane, place }) => store32(LANE_PLACES, place, 4 * lane)),
    finish(sub(at, start)),
  ]);
}

/**
 * walkOne(place, at): where it starts, as four times its place, and where its bytes go. Follows one
 * chain up to and with a marked entry. Returns where its bytes end; the marked place is left in
 * LANE_PLACES.
 */
export function walkOne(): FunctionBuilder {
  const f = new FunctionBuilder(2);
  const [place, at] = f.parameters;
  const entry = f.local(I32);
  return f.define([
    loop((step) => [
      set(entry, load32(place, LINKS)),
      store8(at, entry),
      increase(at, 1),
      when(ltS(entry, 0), [store32(LANE_PLACES, place), finish(at)]),
      set(place, shrU(entry, 8)),
      goTo(step),
    ]),
  ]);
}
