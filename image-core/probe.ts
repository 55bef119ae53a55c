/** Asking every registered format about the same bytes. */
import type { Confidence, Format, ProbeWindow } from "./format.js";
import type { ByteSource } from "./source/byte-source.js";

const HEAD_BYTES = 128 * 1024;
const TAIL_BYTES = 64 * 1024;

export interface Candidate<T> {
  format: Format<T>;
  confidence: Confidence;
  title: string;
}

/** Reads what probes look at. `name` is the file's, without folders. */
export function probeWindow(source: ByteSource, name: string): ProbeWindow {
  const head = new Uint8Array(Math.min(HEAD_BYTES, source.size));
  source.read(0, head, 0, head.length);
  const tailBytes = Math.min(TAIL_BYTES, source.size);
  const tail = new Uint8Array(tailBytes);
  source.read(source.size - tailBytes, tail, 0, tailBytes);
  return { head, tail, size: source.size, name, source };
}

/** Every format that recognises the window, the surest first. */
export function candidates<T>(formats: readonly Format<T>[], window: ProbeWindow): Candidate<T>[] {
  const found: Candidate<T>[] = [];
  for (const format of formats) {
    const match = format.probe(window);
    if (match !== undefined) found.push({ format, ...match });
  }
  // Array.prototype.sort is stable: the registry's order decides between equals.
  return found.sort((a, b) => b.confidence - a.confidence);
}
