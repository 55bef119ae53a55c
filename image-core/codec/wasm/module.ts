/**
 * WebAssembly modules of functions over one imported memory (WebAssembly Core Specification 1.0,
 * section 5.5, "Modules"), and that memory.
 */
import { ImageError } from "../../errors.js";
import { type FunctionBuilder, I32 } from "./assembler.js";
import { unsignedLeb } from "./leb128.js";

/** What is used of the JavaScript interface: TypeScript knows it from browsers' libraries alone. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { readonly exports: object };
  Memory: new (limits: { initial: number }) => Memory;
};

export interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

export type Functions<Name extends string> = Record<Name, (...parameters: number[]) => number>;

const PAGE_BYTES = 65536;

/** Throws `limit` where the process may not have the memory, or V8's 10 GiB of addresses for it. */
export function newMemory(bytes: number): Memory {
  const initial = Math.ceil(bytes / PAGE_BYTES);
  return granted(bytes, () => new WebAssembly.Memory({ initial }));
}

/** Views made before are empty afterwards, if it returns true. Throws `limit`. */
export function growTo(memory: Memory, bytes: number): boolean {
  const missing = bytes - memory.buffer.byteLength;
  if (missing <= 0) return false;
  granted(bytes, () => memory.grow(Math.ceil(missing / PAGE_BYTES)));
  return true;
}

function granted<T>(bytes: number, take: () => T): T {
  try {
    return take();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const problem = `no ${bytes} bytes for decoding (is the address space limited, ulimit -v?)`;
    throw new ImageError("limit", "codec", problem, { cause: error });
  }
}

/** Compiled once in a process: V8 finds the code again by the module's bytes. */
export function compile(functions: Record<string, FunctionBuilder>): object {
  return new WebAssembly.Module(assemble(functions));
}

/** The names are those of the functions that `module` was compiled of. */
export function instantiate<Name extends string>(module: object, memory: Memory): Functions<Name> {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as Functions<Name>;
}

function assemble(functions: Record<string, FunctionBuilder>): Uint8Array {
  const names = Object.keys(functions);
  const builders = Object.values(functions);
  const types = builders.map(({ parameters }) => [
    0x60,
    ...vector(parameters.map(() => [I32])),
    ...vector([[I32]]),
  ]);
  const indices = builders.map((_, index) => unsignedLeb(index));
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, types),
    // At least 0 pages.
    ...section(2, [[...name("env"), ...name("memory"), 2, 0, 0]]),
    ...section(3, indices),
    ...section(
      7,
      names.map((one, index) => [...name(one), 0, ...indices[index]]),
    ),
    ...section(
      10,
      builders.map((one) => sized(one.encode())),
    ),
  ]);
}

const sized = (bytes: readonly number[]): number[] => [...unsignedLeb(bytes.length), ...bytes];
const vector = (items: readonly number[][]): number[] => [
  ...unsignedLeb(items.length),
  ...items.flat(),
];
const section = (id: number, items: readonly number[][]): number[] => [id, ...sized(vector(items))];
const name = (text: string): number[] => sized([...Buffer.from(text)]);
