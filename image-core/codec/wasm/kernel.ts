/**
 * A WebAssembly module with a memory of its own: working tables, then the output, which is the
 * dictionary, then the piece of input that is being decoded.
 *
 * Memory, of each kernel that a thread has used: the tables and the largest output so far with its
 * input. What is beyond KEPT_BYTES is given back after use.
 */
import type { FunctionBuilder } from "./assembler.js";
import { compile, growTo, instantiate, type Memory, newMemory } from "./module.js";

/** Room for chunks of 8 MiB, larger than those of any known writer. */
const KEPT_BYTES = 12 * 1024 * 1024;

type Functions = Record<string, (...parameters: number[]) => number>;

export class Kernel {
  /** Of the whole memory; made anew when it grows. */
  bytes = new Uint8Array(0);
  view = new DataView(this.bytes.buffer);
  private module: object | undefined;
  private memory: Memory | undefined;
  private exported: Functions = {};

  /** `define` is called once, at the first use. `prepare` fills tables of a new memory. */
  constructor(
    private readonly define: () => readonly FunctionBuilder[],
    private readonly prepare: (view: DataView) => void = () => {},
  ) {}

  get functions(): Functions {
    return this.exported;
  }

  /** Makes the memory at least `bytes` long; what is in it stays. */
  reserve(bytes: number): void {
    if (this.memory === undefined) {
      this.module ??= compile(this.define());
      this.memory = newMemory(bytes);
      this.exported = instantiate(this.module, this.memory);
      this.renewViews(this.memory);
      this.prepare(this.view);
    } else if (growTo(this.memory, bytes)) this.renewViews(this.memory);
  }

  /** The output has been fetched. */
  release(): void {
    if (this.bytes.length <= KEPT_BYTES) return;
    this.memory = undefined;
    this.exported = {};
    this.bytes = new Uint8Array(0);
    this.view = new DataView(this.bytes.buffer);
  }

  private renewViews(memory: Memory): void {
    this.bytes = new Uint8Array(memory.buffer);
    this.view = new DataView(memory.buffer);
  }
}
