/** Copies within the memory, as decoders of the LZ family make them of matches and literals. */
import {
  type Code,
  goToIf,
  increase,
  type Local,
  load8,
  load64,
  loop,
  ltU,
  store8,
  store64,
} from "./assembler.js";

/**
 * At least one byte, to address `to` and up to `end`; the two may overlap. Both `to` and `from` are
 * moved behind what was copied.
 */
export const copyBytes = (to: Local, from: Local, end: Local): Code =>
  loop((again) => [
    store8(to, load8(from)),
    increase(to, 1),
    increase(from, 1),
    goToIf(ltU(to, end), again),
  ]);

/**
 * As `copyBytes`, but `words` of 8 bytes a step, for a `from` that is not less than 8 below `to`. Up to
 * a step too much is written, and moved behind, for what comes next to overwrite.
 */
export const copyWords = (to: Local, from: Local, end: Local, words: number): Code =>
  loop((again) => [
    Array.from({ length: words }, (_, i) => store64(to, load64(from, 8 * i), 8 * i)),
    increase(to, 8 * words),
    increase(from, 8 * words),
    goToIf(ltU(to, end), again),
  ]);
