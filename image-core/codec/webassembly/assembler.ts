/**
 * Assembles functions over one memory into a WebAssembly module (WebAssembly Core Specification
 * 2.0, section 5.5), for decoders whose inner loops want 64-bit words.
 */
import { type Code, Local, unsigned, type ValueType } from "./instructions.js";

/** What is used of it: TypeScript has its types among those of browsers only. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: Record<string, unknown> };
};

const PAGE_BYTES = 65_536;
const TYPE_CODES: Record<ValueType, number> = { i32: 0x7f, i64: 0x7e };
const EMPTY_BLOCK = 0x40;
const END = 0x0b;

/** What one function is made of. Parameters and the result are i32. */
export class FunctionBuilder {
  private readonly locals: Local[] = [];
  private parameterCount = 0;

  /** All parameters come before all variables. */
  parameter(): Local {
    this.parameterCount++;
    return this.local("i32");
  }

  /** A variable, 0 at first. */
  local(type: ValueType): Local {
    const local = new Local(this.locals.length, type);
    this.locals.push(local);
    return local;
  }

  /** Section 5.5.6. */
  type(): number[] {
    const parameters = this.locals.slice(0, this.parameterCount);
    return [0x60, ...vector(parameters.map(({ type }) => [TYPE_CODES[type]])), 1, TYPE_CODES.i32];
  }

  /** Section 5.5.13. */
  body(code: Code): number[] {
    const variables = this.locals.slice(this.parameterCount);
    const declared = variables.map(({ type }) => [1, TYPE_CODES[type]]);
    const bytes = vector(declared);
    flatten(code, [], bytes);
    return sized([...bytes, END]);
  }
}

/** Writes a function: declares its parameters and variables, and returns its code. */
export type FunctionSource = (builder: FunctionBuilder) => Code;

export interface Machine<Name extends string> {
  memory: ArrayBuffer;
  functions: Record<Name, (...parameters: number[]) => number>;
}

/** Compiles and starts the functions. The memory is all zeros, and takes none until it is touched. */
export function assemble<Name extends string>(
  sources: Record<Name, FunctionSource>,
  memoryBytes: number,
): Machine<Name> {
  const names = Object.keys(sources) as Name[];
  const types: number[][] = [];
  const bodies: number[][] = [];
  for (const name of names) {
    const builder = new FunctionBuilder();
    const code = sources[name](builder);
    types.push(builder.type());
    bodies.push(builder.body(code));
  }
  const pages = unsigned(Math.ceil(memoryBytes / PAGE_BYTES));
  const module = [
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector(types)),
    ...section(3, vector(names.map((_, i) => unsigned(i)))),
    ...section(5, vector([[1, ...pages, ...pages]])),
    ...section(
      7,
      vector([exported("memory", 2, 0), ...names.map((name, i) => exported(name, 0, i))]),
    ),
    ...section(10, vector(bodies)),
  ];
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(module)));
  const { memory, ...functions } = exports;
  return {
    memory: (memory as { buffer: ArrayBuffer }).buffer,
    functions: functions as Machine<Name>["functions"],
  };
}

/** Section 5.5.10. */
function exported(name: string, kind: number, index: number): number[] {
  const bytes = [...Buffer.from(name)];
  return [...unsigned(bytes.length), ...bytes, kind, ...unsigned(index)];
}

function section(id: number, content: number[]): number[] {
  return [id, ...sized(content)];
}

function sized(content: number[]): number[] {
  return [...unsigned(content.length), ...content];
}

function vector(items: number[][]): number[] {
  return [...unsigned(items.length), ...items.flat()];
}

/** Appends code to `bytes`; labels become how many blocks lie between (section 5.4.1). */
function flatten(code: Code, labels: readonly (string | undefined)[], bytes: number[]): void {
  for (const item of code) {
    if (typeof item === "number") bytes.push(item);
    else if ("branch" in item) bytes.push(item.branch, ...unsigned(depthOf(item.label, labels)));
    else if ("opcode" in item) {
      bytes.push(item.opcode, EMPTY_BLOCK);
      flatten(item.body, [item.label, ...labels], bytes);
      bytes.push(END);
    } else flatten(item, labels, bytes);
  }
}

function depthOf(label: string, labels: readonly (string | undefined)[]): number {
  const depth = labels.indexOf(label);
  if (depth < 0) throw new Error(`no block ${label} around a branch`);
  return depth;
}
