/**
 * The assembler behind the WebAssembly decoders, by running what it writes: V8 validates all of a
 * module before it runs any.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { expect, test } from "vitest";
import {
  add,
  block,
  type Code,
  constant,
  ctz,
  decrease,
  eq,
  FunctionBuilder,
  finish,
  geS,
  goTo,
  goToIf,
  gtS,
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
  type Operand,
  select,
  set,
  shrS,
  shrU,
  store8,
  store64,
  sub,
  when,
  wrap,
} from "../../../image-core/codec/wasm/assembler.js";
import { Kernel } from "../../../image-core/codec/wasm/kernel.js";
import { run, scratch } from "../../support/tools.js";

const PAGE_BYTES = 65_536;

function kernelOf<Name extends string>(functions: Record<Name, FunctionBuilder>): Kernel<Name> {
  const kernel = new Kernel(() => functions);
  kernel.reserve(PAGE_BYTES);
  return kernel;
}

/** What a function without parameters and variables returns. */
function resultOf(body: Code): number {
  return kernelOf({ body: new FunctionBuilder(0).define(body) }).functions.body();
}

const I32_VALUES = [
  ...[0, 1, 63, 64, 127, 128, 8191, 8192, 65_535, 2 ** 31 - 1],
  ...[-1, -64, -65, -128, -8192, -8193, -(2 ** 31)],
];

test("constants of every size arrive as they are", () => {
  const more = [2 ** 31, 2 ** 32 - 1, 2 ** 32, -(2 ** 31) - 1, 2 ** 53 - 1, -(2 ** 53) + 1];
  const all = [...I32_VALUES, ...more];
  const stores = all.map((value, i) => store64(i * 8, value));
  const { functions, view } = kernelOf({
    store: new FunctionBuilder(0).define([stores, finish(-7)]),
  });
  expect(functions.store()).toBe(-7);
  expect(all.map((_, i) => Number(view.getBigInt64(i * 8, true)))).toEqual(all);
  expect(I32_VALUES.map((value) => resultOf(finish(value)))).toEqual(I32_VALUES);
  expect(resultOf(finish(0xffff_ffff))).toBe(-1);
});

test("constants of 64 bits are what their bits say", () => {
  const all = [0n, 63n, 64n, -64n, -65n, 0x0101_0101_0101_0101n, 2n ** 63n - 1n, -(2n ** 63n)];
  const stores = [...all, 0x8080_8080_8080_8080n].map((value, i) => store64(i * 8, value));
  const { functions, view } = kernelOf({
    store: new FunctionBuilder(0).define([stores, finish(0)]),
  });
  functions.store();
  expect(all.map((_, i) => view.getBigInt64(i * 8, true))).toEqual(all);
  expect(view.getBigUint64(all.length * 8, true)).toBe(0x8080_8080_8080_8080n);
});

test.each([0, 1, 127, 128, 8191, 16_384, 65_535])("%i is an offset", (offset) => {
  const { functions, bytes } = kernelOf({
    load: new FunctionBuilder(0).define(finish(load8(0, offset))),
  });
  bytes[offset] = 7;
  expect(functions.load()).toBe(7);
});

test("branches find the blocks around them", () => {
  // The sum of the odd numbers from 1 up, as long as it is at most the limit.
  const f = new FunctionBuilder(1);
  const [limit] = f.parameters;
  const sum = f.local(I32);
  const odd = f.local(I32);
  f.define([
    set(odd, 1),
    block((done) =>
      loop((again) => [
        when(gtU(add(sum, odd), limit), goTo(done), increase(sum, odd)),
        increase(odd, 2),
        goToIf(constant(I32, 1), again),
      ]),
    ),
    finish(sum),
  ]);
  const { functions } = kernelOf({ sum: f });
  expect([0, 1, 3, 4, 99, 100, 2 ** 32 - 2 ** 17].map((value) => functions.sum(value))).toEqual([
    0,
    1,
    1,
    4,
    81,
    100,
    // 65535 squared is more; as a signed number.
    (65534 * 65534) | 0,
  ]);
});

test("branches pass through the blocks between", () => {
  // The sum of 1 to n, without 3.
  const f = new FunctionBuilder(1);
  const [n] = f.parameters;
  const total = f.local(I32);
  const third = f.local(I32);
  f.define([
    block((done) =>
      loop((next) => [
        when(eq(third, 0), set(third, 3)),
        goToIf(eq(n, 0), done),
        block((skipped) => [
          when(eq(third, n), goToIf(constant(I32, 1), skipped)),
          increase(total, n),
        ]),
        decrease(n, 1),
        goTo(next),
      ]),
    ),
    finish(total),
  ]);
  expect(kernelOf({ sum: f }).functions.sum(10)).toBe(55 - 3);
});

test("a branch to a block that is not around it is refused", () => {
  const f = new FunctionBuilder(0);
  let outside: Parameters<typeof goTo>[0] | undefined;
  f.define([
    block((end) => {
      outside = end;
      return [];
    }),
    goTo(outside as Parameters<typeof goTo>[0]),
  ]);
  expect(() => f.encode()).toThrow(RangeError);
});

test("shifts and differences are those of 64 bits", () => {
  const f = new FunctionBuilder(0);
  const value = f.local(I64);
  const keep = (address: number, from: Operand) => store64(address, from);
  f.define([
    set(value, sub(constant(I64, 5), 6)),
    keep(0, shrS(value, 63)),
    keep(8, shrU(value, 63)),
    finish(load32(0)),
  ]);
  const { functions, view } = kernelOf({ half: f });
  expect(functions.half()).toBe(-1);
  expect(view.getBigInt64(8, true)).toBe(1n);
});

test("comparisons with and without sign", () => {
  const results = (a: number, b: number) =>
    [gtS, gtU, geS, ne].map((compare) => resultOf(finish(compare(constant(I64, a), b))));
  expect(results(-1, 1)).toEqual([0, 1, 0, 1]);
  expect(results(1, -1)).toEqual([1, 0, 1, 1]);
  expect(results(2, 2)).toEqual([0, 0, 1, 0]);
});

test("parameters, 64-bit variables and memory up to its end", () => {
  const f = new FunctionBuilder(2);
  const [at, other] = f.parameters;
  const word = f.local(I64);
  f.define([
    set(word, load64(at)),
    store64(other, mul(word, 3)),
    store8(other, 0xee, 8),
    store64(other, select(ltU(at, other), word, -1), 9),
    finish(select(ltU(at, other), wrap(ctz(word)), -1)),
  ]);
  const kernel = kernelOf({ mix: f, nothing: new FunctionBuilder(0).define(finish(0)) });
  kernel.reserve(100_000);
  const { functions, view } = kernel;
  expect(view.byteLength).toBe(2 * PAGE_BYTES);
  view.setBigUint64(13, 0x0102_0304_0506_0000n, true);
  expect(functions.mix(13, 99_990)).toBe(17);
  expect(view.getBigUint64(99_990, true)).toBe(0x0306_090c_0f12_0000n);
  expect(view.getUint8(99_998)).toBe(0xee);
  expect(view.getBigUint64(99_999, true)).toBe(0x0102_0304_0506_0000n);
  expect(functions.mix(13, 0)).toBe(-1);
  expect(view.getBigInt64(9, true)).toBe(-1n);
  expect(functions.nothing()).toBe(0);
  expect(() => functions.mix(2 * PAGE_BYTES - 7, 0)).toThrow(/memory access out of bounds/);
});

test("memory grows with what it holds, and goes when it is large", () => {
  const kernel = new Kernel(() => ({ none: new FunctionBuilder(0).define(finish(1)) }));
  expect(() => kernel.functions).toThrow(RangeError);
  kernel.reserve(64);
  kernel.view.setUint32(60, 1234);
  kernel.reserve(1_000_000);
  expect(kernel.bytes.length).toBeGreaterThanOrEqual(1_000_000);
  expect(kernel.view.getUint32(60)).toBe(1234);
  kernel.release();
  expect(kernel.bytes.length).toBeGreaterThanOrEqual(1_000_000);
  kernel.reserve(20_000_000);
  kernel.release();
  expect(kernel.bytes.length).toBe(0);
  kernel.reserve(64);
  expect(kernel.view.getUint32(60)).toBe(0);
  expect(kernel.functions.none()).toBe(1);
});

/** The letter A by each decoder that has a kernel. */
const STREAMS = {
  bzip2: "QlpoOTFBWSZTWYGwLYsAAAAEACAAIAAhGEaC7kinChIQNgWxYA==",
  lzfse: "YnZ4LQEAAABBYnZ4JA==",
  lzvn: "4UEG",
  xz: "/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAAQQAAAACX5wOMB8Y1yAABGQGlLIHMH7bzfQEAAAAABFla",
};

test("where the address space is limited, every decoder decodes or says so", () => {
  const script = join(scratch("wasm"), "decode.mjs");
  buildSync({
    stdin: {
      contents: `import { decodeBzip2 as bzip2 } from "./image-core/codec/bzip2.ts";
        import { decodeLzfse as lzfse } from "./image-core/codec/lzfse.ts";
        import { decodeLzvn as lzvn } from "./image-core/codec/lzvn.ts";
        import { decodeXz as xz } from "./image-core/codec/xz.ts";
        const decoders = { bzip2, lzfse, lzvn, xz };
        for (const [name, stream] of Object.entries(${JSON.stringify(STREAMS)})) {
          const output = new Uint8Array(1);
          try {
            decoders[name](Buffer.from(stream, "base64"), output);
            console.log(name, Buffer.from(output).toString());
          } catch (error) { console.log(name, error.kind, error.message); }
        }`,
      resolveDir: fileURLToPath(new URL("../../..", import.meta.url)),
    },
    bundle: true,
    platform: "node",
    format: "esm",
    outfile: script,
  });
  const decode = (limit: string, ...options: string[]): string[] =>
    run("bash", [
      "-c",
      `ulimit -v ${limit} && exec "$@"`,
      "-",
      process.execPath,
      ...options,
      script,
    ])
      .toString()
      .trimEnd()
      .split("\n");
  const decoded = Object.keys(STREAMS).map((name) => `${name} A`);
  expect(decode("unlimited")).toEqual(decoded);
  // Whether V8 is content with fewer addresses is for its version to say.
  const limited = decode("6000000").map((line) =>
    line.replace(/ limit codec: no \d+ bytes .*ulimit.*/, " A"),
  );
  expect(limited).toEqual(decoded);
  expect(decode("3000000", "--disable-wasm-trap-handler")).toEqual(decoded);
});
