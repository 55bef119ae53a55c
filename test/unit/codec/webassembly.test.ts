/** What V8 makes of the modules is the judge: it validates all of a module before it runs any. */
import { expect, test } from "vitest";
import { assemble, type FunctionSource } from "../../../image-core/codec/webassembly/assembler.js";
import {
  block,
  finish,
  i32,
  i64,
  leaveIf,
  loop,
  repeat,
  sequence,
  when,
} from "../../../image-core/codec/webassembly/instructions.js";

function run(source: FunctionSource, ...parameters: number[]): number {
  return assemble({ source }, 1).functions.source(...parameters);
}

test.each([
  0, 1, -1, 63, 64, -64, -65, 127, 128, 8191, 8192, -8192, -8193, 65_535, 0x7fff_ffff, -0x8000_0000,
])("%i is a constant, and an offset if it is not negative", (value) => {
  expect(run(() => finish(value))).toBe(value);
  expect(run(() => finish(i32.of(i64.shiftRight(i64.shiftLeft(value, 32), 32))))).toBe(value);
  if (value < 0 || value > 65_000) return;
  const { memory, functions } = assemble({ load: () => finish(i32.load8(0, value)) }, 65_536);
  new Uint8Array(memory)[value] = 7;
  expect(functions.load()).toBe(7);
});

test("constants beyond the signed range are what their bits say", () => {
  expect(run(() => finish(0xffff_ffff))).toBe(-1);
  expect(run(() => finish(i32.of(i64.shiftRight(0x8080_8080_8080_8080n, 32))))).toBe(
    0x80808080 | 0,
  );
});

test("branches leave and repeat the blocks that they name, through others", () => {
  // The sum of 1 to n, without the multiples of 3.
  const sum: FunctionSource = (f) => {
    const n = f.parameter();
    const total = f.local("i32");
    const third = f.local("i32");
    return sequence(
      block(
        "done",
        loop(
          "next",
          when(i32.equal(third, 0), third.set(3)),
          leaveIf("done", i32.equal(n, 0)),
          block(
            "skipped",
            when(i32.equal(third, n), leaveIf("skipped", 1)),
            total.set(i32.add(total, n)),
          ),
          n.set(i32.subtract(n, 1)),
          repeat("next"),
        ),
      ),
      finish(total),
    );
  };
  expect(run(sum, 10)).toBe(55 - 3);
  expect(() => run(() => sequence(repeat("nowhere"), finish(0)))).toThrow(/no block nowhere/);
});

test("parameters, 64-bit variables and memory", () => {
  const { memory, functions } = assemble(
    {
      mix: (f) => {
        const at = f.parameter();
        const other = f.parameter();
        const word = f.local("i64");
        return sequence(
          word.set(i64.load(at)),
          i64.store(other, i64.multiply(word, 3)),
          i32.store8(other, 0xee, 8),
          finish(i32.select(i32.less(at, other), i32.of(i64.trailingZeros(word)), -1)),
        );
      },
      nothing: () => finish(0),
    },
    100_000,
  );
  const view = new DataView(memory);
  expect(memory.byteLength).toBe(131_072);
  view.setBigUint64(13, 0x0102_0304_0506_0000n, true);
  expect(functions.mix(13, 99_990)).toBe(17);
  expect(view.getBigUint64(99_990, true)).toBe(0x0306_090c_0f12_0000n);
  expect(view.getUint8(99_998)).toBe(0xee);
  expect(functions.mix(13, 0)).toBe(-1);
  expect(functions.nothing()).toBe(0);
  expect(() => functions.mix(200_000, 0)).toThrow(/memory access out of bounds/);
});
