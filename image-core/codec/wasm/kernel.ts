/**
 * A decoder's WebAssembly functions and the memory that they share: working tables and, as far as
 * the decoder wants it there, output and input. Both are made for a thread's first stream and kept
 * for the next ones.
 */
import type { FunctionBuilder } from "./assembler.js";
import { compile, type Functions, growTo, instantiate, type Memory, newMemory } from "./module.js";

/** A larger memory is given back after use. Room for chunks of 8 MiB, larger than those of any known writer. */
const KEPT_BYTES = 12 * 1024 * 1024;

export class Kernel<Name extends string> {
  /** Of the whole memory; made anew when it grows. */
  bytes = new Uint8Array(0);
  view = new DataView(this.bytes.buffer);
  private module: object | undefined;
  private memory: Memory | undefined;
  private exported: Functions<Name> | undefined;

  /** `define` is called once, at the first use. `prepare` fills tables of a new memory. */
  constructor(
    private readonly define: () => Record<Name, FunctionBuilder>,
    private readonly prepare: (view: DataView) => void = () => {},
  ) {}

  /** There are none before memory is reserved. */
  get functions(): Functions<Name> {
    if (this.exported === undefined)
      throw new RangeError("no memory is reserved for the functions");
    return this.exported;
  }

  /** Makes the memory at least `bytes` long; what is in it stays. Throws `limit`. */
  reserve(bytes: number): void {
    if (this.memory === undefined) {
      this.module ??= compile(this.define());
      const memory = newMemory(bytes);
      this.exported = instantiate<Name>(this.module, memory);
      this.memory = memory;
      this.renewViews(memory);
      this.prepare(this.view);
    } else if (growTo(this.memory, bytes)) this.renewViews(this.memory);
  }

  /** The output has been fetched. */
  release(): void {
    if (this.bytes.length <= KEPT_BYTES) return;
    this.memory = undefined;
    this.exported = undefined;
    this.bytes = new Uint8Array(0);
    this.view = new DataView(this.bytes.buffer);
  }

  private renewViews(memory: Memory): void {
    this.bytes = new Uint8Array(memory.buffer);
    this.view = new DataView(memory.buffer);
  }
}
