/**
 * The inverse Burrows-Wheeler transform: WebAssembly functions for its two loops.
 *
 * A block's bytes are a chain through a table of up to 3.6 MB in no order, so that each step waits
 * for the memory. Here many parts of it are followed at once: `transform.ts` finds the parts.
 */
import type { FunctionBuilder } from "../webassembly/assembler.js";
import {
  block,
  type Code,
  finish,
  i32,
  leaveIf,
  loop,
  repeat,
  repeatIf,
  sequence,
  when,
} from "../webassembly/instructions.js";
import { COUNTS, ENDS, LANE_PLACES, LANES, LAST, LINKS, ROW } from "./memory.js";

/**
 * Parameter: the block's length. COUNTS holds by byte its first place, ENDS the one behind its last.
 *
 * From both ends at once: where a byte comes several times in a row, as it mostly does, each waits
 * for the count that the one before has stored. A byte in the middle is met from both, which then
 * agree on its place: there is one left.
 */
export function makeLinks(f: FunctionBuilder): Code {
  const high = f.parameter();
  const low = f.local("i32");
  const byte = f.local("i32");
  const count = f.local("i32");
  const otherByte = f.local("i32");
  const otherCount = f.local("i32");
  const entry = (place: typeof low, value: typeof byte) =>
    i32.or(i32.shiftLeft(place, 10), i32.shiftRight(value, 2));
  return sequence(
    block(
      "done",
      loop(
        "pair",
        leaveIf("done", i32.atLeast(low, high)),
        high.set(i32.subtract(high, 1)),
        byte.set(i32.shiftLeft(i32.load8(low, LAST), 2)),
        count.set(i32.load(byte, COUNTS)),
        i32.store(i32.shiftLeft(count, 2), entry(low, byte), LINKS),
        i32.store(byte, i32.add(count, 1), COUNTS),
        otherByte.set(i32.shiftLeft(i32.load8(high, LAST), 2)),
        otherCount.set(i32.subtract(i32.load(otherByte, ENDS), 1)),
        i32.store(i32.shiftLeft(otherCount, 2), entry(high, otherByte), LINKS),
        i32.store(otherByte, otherCount, ENDS),
        low.set(i32.add(low, 1)),
        repeat("pair"),
      ),
    ),
    finish(0),
  );
}

/**
 * Parameters: where the first row is written, and how many steps at most. Returns how many it made:
 * fewer where a lane has come to a mark.
 */
export function walkLanes(f: FunctionBuilder): Code {
  const start = f.parameter();
  const steps = f.parameter();
  const at = f.local("i32");
  const end = f.local("i32");
  const lanes = Array.from({ length: LANES }, (_, lane) => ({
    lane,
    place: f.local("i32"),
    entry: f.local("i32"),
  }));
  const anyEntry = lanes.map(({ entry }) => entry.get).reduce((any, entry) => i32.or(any, entry));
  return sequence(
    ...lanes.map(({ lane, place }) => place.set(i32.load(LANE_PLACES, 4 * lane))),
    at.set(start),
    end.set(i32.add(start, steps)),
    block(
      "marked",
      loop(
        "step",
        ...lanes.map(({ place, entry }) => entry.set(i32.load(place, LINKS))),
        leaveIf("marked", i32.lessSigned(anyEntry, 0)),
        ...lanes.map(({ lane, entry }) => i32.store8(at, entry, lane * ROW)),
        ...lanes.map(({ place, entry }) => place.set(i32.shiftRight(entry, 8))),
        at.set(i32.add(at, 1)),
        repeatIf("step", i32.less(at, end)),
      ),
    ),
    ...lanes.map(({ lane, place }) => i32.store(LANE_PLACES, place, 4 * lane)),
    finish(i32.subtract(at, start)),
  );
}

/**
 * Follows one chain up to and with a marked entry. Parameters: where it starts, as four times its
 * place, and where its bytes go. Returns where they end; the marked place is left in LANE_PLACES.
 */
export function walkOne(f: FunctionBuilder): Code {
  const place = f.parameter();
  const at = f.parameter();
  const entry = f.local("i32");
  return sequence(
    loop(
      "step",
      entry.set(i32.load(place, LINKS)),
      i32.store8(at, entry),
      at.set(i32.add(at, 1)),
      when(i32.lessSigned(entry, 0), i32.store(LANE_PLACES, place), finish(at)),
      place.set(i32.shiftRight(entry, 8)),
      repeat("step"),
    ),
    finish(0),
  );
}
