/** The assembler behind the WebAssembly decoders, by running what it writes. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { expect, test } from "vitest";
import {
  add,
  block,
  constant,
  FunctionBuilder,
  finish,
  goTo,
  goToIf,
  gtU,
  I32,
  I64,
  increase,
  load32,
  loop,
  type Operand,
  set,
  shrS,
  shrU,
  store64,
  sub,
  when,
} from "../../../image-core/codec/wasm/assembler.js";
import { Kernel } from "../../../image-core/codec/wasm/kernel.js";
import { run, scratch } from "../../support/tools.js";

function kernelOf(...functions: FunctionBuilder[]): Kernel {
  const kernel = new Kernel(() => functions);
  kernel.reserve(64);
  return kernel;
}

test("constants of every size arrive as they are", () => {
  const values = [0, 1, 63, 64, 127, 128, 8191, 8192, 2 ** 31 - 1, -1, -64, -65, -128, -(2 ** 31)];
  const more = [2 ** 31, 2 ** 32 - 1, 2 ** 32, -(2 ** 31) - 1, 2 ** 53 - 1, -(2 ** 53) + 1];
  const f = new FunctionBuilder("store", 0);
  const all = [...values, ...more];
  f.define([all.map((value, i) => store64(i * 8, value)), finish(-7)]);
  const kernel = kernelOf(f);
  expect(kernel.functions.store()).toBe(-7);
  expect(all.map((_, i) => Number(kernel.view.getBigInt64(i * 8, true)))).toEqual(all);
});

test("branches find the blocks around them", () => {
  // The sum of the odd numbers from 1 up, as long as it is at most the limit.
  const f = new FunctionBuilder("sum", 1);
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
  const { functions } = kernelOf(f);
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

test("a branch to a block that is not around it is refused", () => {
  const f = new FunctionBuilder("bad", 0);
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
  const f = new FunctionBuilder("half", 0);
  const value = f.local(I64);
  const keep = (address: number, from: Operand) => store64(address, from);
  f.define([
    set(value, sub(constant(I64, 5), 6)),
    keep(0, shrS(value, 63)),
    keep(8, shrU(value, 63)),
    finish(load32(0)),
  ]);
  const kernel = kernelOf(f);
  expect(kernel.functions.half()).toBe(-1);
  expect(kernel.view.getBigInt64(8, true)).toBe(1n);
});

test("memory grows with what it holds, and goes when it is large", () => {
  const kernel = kernelOf(new FunctionBuilder("none", 0).define([finish(1)]));
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

test("where the address space is limited, decoding says so", () => {
  const script = join(scratch("wasm"), "decode.mjs");
  buildSync({
    stdin: {
      contents: `import { decodeLzvn } from "./image-core/codec/lzvn.ts";
        try { decodeLzvn(Uint8Array.of(0xe1, 65, 6), new Uint8Array(1)); console.log("decoded"); }
        catch (error) { console.log(error.kind, error.message); }`,
      resolveDir: fileURLToPath(new URL("../../..", import.meta.url)),
    },
    bundle: true,
    platform: "node",
    format: "esm",
    outfile: script,
  });
  const decode = (limit: string) =>
    run("bash", [
      "-c",
      `ulimit -v ${limit} && exec "$0" "$1"`,
      process.execPath,
      script,
    ]).toString();
  expect(decode("6000000")).toMatch(/^limit codec: .*ulimit/);
  expect(decode("unlimited")).toBe("decoded\n");
});
