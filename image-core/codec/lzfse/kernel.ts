/**
 * The WebAssembly behind LZFSE and LZVN: one module and one memory for all streams of a thread.
 *
 * Memory: input and output once more and 50 KiB, kept for the next stream if it is at most 12 MiB.
 */

import { fillLzvnTable, lzvnFunction } from "../lzvn/opcodes.js";
import { Kernel } from "../wasm/kernel.js";
import { OUTPUT, SLACK } from "./memory.js";
import { literalsFunction, matchesFunction } from "./streams.js";

export const kernel = new Kernel(
  () => ({ literals: literalsFunction(), matches: matchesFunction(), lzvn: lzvnFunction() }),
  fillLzvnTable,
);

/**
 * Runs `decode` with `input` at the address that it is given, and fetches what it has produced at
 * OUTPUT: as many bytes as it returns, at most those of `output`.
 */
export function decodeInKernel(
  input: Uint8Array,
  output: Uint8Array,
  decode: (inputAddress: number) => number,
): number {
  const inputAddress = OUTPUT + output.length + SLACK;
  kernel.reserve(inputAddress + input.length + SLACK);
  kernel.bytes.set(input, inputAddress);
  try {
    const produced = decode(inputAddress);
    output.set(kernel.bytes.subarray(OUTPUT, OUTPUT + produced));
    return produced;
  } finally {
    kernel.release();
  }
}
