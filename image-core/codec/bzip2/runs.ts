/** The outermost layer of bzip2: runs of 4 to 259 equal bytes, and the CRC over what comes of them. */
import {
  add,
  and,
  block,
  ctz,
  decrease,
  extend,
  FunctionBuilder,
  finish,
  geS,
  geU,
  goTo,
  goToIf,
  gtU,
  I32,
  I64,
  increase,
  load8,
  load32,
  load64,
  loop,
  ltU,
  mul,
  ne,
  or,
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
import { CRC_TABLES, STATE } from "./memory.js";

/**
 * expandRuns(from, end, to, limit): where the bytes begin and end, where the output begins, and
 * behind which address nothing more is begun. Four equal bytes are followed by how many more of them
 * there are. The byte at the end must differ from the one before it. Returns the output's end, and
 * leaves in STATE's first word how far it has read.
 */
export function expandRuns(): FunctionBuilder {
  const f = new FunctionBuilder(4);
  const [from, end, to, limit] = f.parameters;
  const [word, differing] = [f.local(I64), f.local(I64)];
  const [skipped, stop, at] = [f.local(I32), f.local(I32), f.local(I32)];
  const [second, third, fourth] = [load64(from, 1), load64(from, 2), load64(from, 3)];
  return f.define([
    block((done) =>
      loop((next) => [
        goToIf(geU(from, end), done),
        goToIf(gtU(to, limit), done),
        set(word, load64(from)),
        // A zero byte where it and the three behind it are equal; the lowest zero byte has its high
        // bit set in the end, and none below it.
        set(differing, or(or(xor(word, second), xor(word, third)), xor(word, fourth))),
        set(
          differing,
          and(and(sub(differing, 0x0101010101010101n), xor(differing, -1)), 0x8080808080808080n),
        ),
        store64(to, word),
        block((run) => [
          goToIf(ne(differing, 0), run),
          increase(from, 8),
          increase(to, 8),
          goTo(next),
        ]),
        set(skipped, add(shrU(wrap(ctz(differing)), 3), 4)),
        store64(to, fourth, 3),
        increase(from, skipped),
        increase(to, skipped),
        goToIf(geU(from, end), done),
        set(word, mul(extend(load8(sub(from, 1))), 0x0101010101010101n)),
        set(at, to),
        set(stop, add(to, load8(from))),
        loop((fill) => [
          store64(at, word),
          store64(at, word, 8),
          increase(at, 16),
          goToIf(ltU(at, stop), fill),
        ]),
        set(to, stop),
        increase(from, 1),
        goTo(next),
      ]),
    ),
    // Words may reach beyond the end.
    when(gtU(from, end), [decrease(to, sub(from, end)), set(from, end)]),
    store32(STATE, from),
    finish(to),
  ]);
}

/**
 * checksum(crc, from, end): the CRC so far, where the bytes begin and end. CRC-32 with the bits in
 * order, eight bytes at a time. Its bytes are swapped throughout, so that they meet the first bytes
 * of a word that is loaded. Returns the CRC.
 */
export function checksum(): FunctionBuilder {
  const f = new FunctionBuilder(3);
  const [crc, from, end] = f.parameters;
  const word = f.local(I64);
  const stop = f.local(I32);
  const looked = Array.from({ length: 8 }, (_, i) =>
    load32(shl(and(wrap(shrU(word, 8 * i)), 0xff), 2), CRC_TABLES + 1024 * (7 - i)),
  );
  return f.define([
    set(stop, sub(end, 7)),
    block((short) =>
      loop((again) => [
        goToIf(geS(from, stop), short),
        set(word, xor(load64(from), extend(crc))),
        set(
          crc,
          looked.reduce((left, right) => xor(left, right)),
        ),
        increase(from, 8),
        goTo(again),
      ]),
    ),
    block((done) =>
      loop((again) => [
        goToIf(geU(from, end), done),
        set(crc, xor(shrU(crc, 8), load32(shl(and(xor(crc, load8(from)), 0xff), 2), CRC_TABLES))),
        increase(from, 1),
        goTo(again),
      ]),
    ),
    finish(crc),
  ]);
}
