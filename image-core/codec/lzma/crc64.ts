/**
 * CRC-64 of ECMA-182, reflected, as xz uses it (.xz file format, section 6), eight bytes a step, as a
 * WebAssembly function: JavaScript has no 64-bit integers that are fast.
 */
import {
  add,
  and,
  block,
  type Expression,
  FunctionBuilder,
  finish,
  geU,
  goTo,
  goToIf,
  gtU,
  I64,
  increase,
  load8To64,
  load64,
  loop,
  set,
  shl,
  shrU,
  store64,
  wrap,
  xor,
} from "../wasm/assembler.js";

/** Of the reflected polynomial. */
const POLYNOMIAL_LOW = 0xd7870f42;
const POLYNOMIAL_HIGH = 0xc96c5795;
const TABLE_BYTES = 256 * 8;
const TABLES = 8;
export const CRC64_TABLES_BYTES = TABLES * TABLE_BYTES;

/** crc64(from, end): leaves the CRC at `result`; returns 0. */
export function crc64Function(tables: number, result: number): FunctionBuilder {
  const f = new FunctionBuilder(2);
  const [from, end] = f.parameters;
  const crc = f.local(I64);
  const entry = (table: number, index: Expression) =>
    load64(wrap(shl(index, 3)), tables + table * TABLE_BYTES);
  // Of eight bytes, the first has seven behind it, and so on.
  const eight = Array.from({ length: 8 }, (_, i) =>
    entry(7 - i, and(shrU(crc, 8 * i), 0xff)),
  ).reduce((a, b) => xor(a, b));
  return f.define([
    set(crc, -1),
    block((tail) =>
      loop((again) => [
        goToIf(gtU(add(from, 8), end), tail),
        set(crc, xor(crc, load64(from))),
        set(crc, eight),
        increase(from, 8),
        goTo(again),
      ]),
    ),
    block((done) =>
      loop((again) => [
        goToIf(geU(from, end), done),
        set(crc, xor(shrU(crc, 8), entry(0, and(xor(crc, load8To64(from)), 0xff)))),
        increase(from, 1),
        goTo(again),
      ]),
    ),
    store64(result, xor(crc, -1)),
    finish(0),
  ]);
}

/** Table k holds what a byte with k zero bytes behind it adds. */
export function fillCrc64Tables(view: DataView, tables: number): void {
  for (let index = 0; index < TABLES * 256; index++) {
    // Either a byte with nothing behind it, or what the table before has with one more byte.
    let low = index & 0xff;
    let high = 0;
    if (index >= 256) {
      const before = tables + (index - 256) * 8;
      low = view.getInt32(before, true);
      high = view.getInt32(before + 4, true);
    }
    for (let i = 0; i < 8; i++) {
      const carry = low & 1;
      low = (low >>> 1) | (high << 31);
      high >>>= 1;
      if (carry !== 0) {
        low ^= POLYNOMIAL_LOW;
        high ^= POLYNOMIAL_HIGH;
      }
    }
    view.setInt32(tables + index * 8, low, true);
    view.setInt32(tables + index * 8 + 4, high, true);
  }
}
