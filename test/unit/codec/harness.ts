/** What every decoder must keep to. */
import { expect } from "vitest";
import { ImageError } from "../../../image-core/errors.js";

export type Decoder = (input: Uint8Array, output: Uint8Array) => number;

/** Bytes around input and output that no decoder may depend on or change. */
const MARGIN = 64;
const FILL = 0xa5;

/** Decodes `packed` and expects exactly `plain`. */
export function roundTrip(decode: Decoder, packed: Uint8Array, plain: Uint8Array): void {
  const { produced, output } = guarded(decode, packed, plain.length);
  expect(produced).toBe(plain.length);
  expect(Buffer.compare(output, plain)).toBe(0);
}

/** Decodes what may be damaged: an ImageError or some bytes, never one outside the output. */
export function expectBounded(decode: Decoder, packed: Uint8Array, size: number): void {
  try {
    const { produced } = guarded(decode, packed, size);
    expect(produced).toBeLessThanOrEqual(size);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    expect(["corrupt", "unsupported"]).toContain(error.kind);
  }
}

function guarded(decode: Decoder, packed: Uint8Array, size: number) {
  const input = new Uint8Array(packed.length + 2 * MARGIN).fill(FILL);
  input.set(packed, MARGIN);
  const all = new Uint8Array(size + 2 * MARGIN).fill(FILL);
  const output = all.subarray(MARGIN, MARGIN + size);
  try {
    const produced = decode(input.subarray(MARGIN, MARGIN + packed.length), output);
    return { produced, output };
  } finally {
    for (let i = 0; i < MARGIN; i++) {
      if (all[i] !== FILL || all[MARGIN + size + i] !== FILL) {
        // biome-ignore lint/correctness/noUnsafeFinally: this finding outranks any error on the way
        throw new Error(`the decoder wrote outside its output (${i})`);
      }
    }
  }
}
