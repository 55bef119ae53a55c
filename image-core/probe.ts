/** Asking every registered format about the same bytes. */
import { ImageError } from "./errors.js";
import type { Confidence, Format, ProbeWindow } from "./format.js";
import type { ByteSource } from "./source/byte-source.js";

const HEAD_BYTES = 128 * 1024;
const TAIL_BYTES = 64 * 1024;
/** Around damage, reads are halved down to this. */
const SMALLEST_READ = 4096;

export interface Candidate<T> {
  format: Format<T>;
  confidence: Confidence;
  title: string;
}

/** Reads what probes look at. `name` is the file's, without folders. */
export function probeWindow(source: ByteSource, name: string): ProbeWindow {
  const headBytes = Math.min(HEAD_BYTES, source.size);
  const tailBytes = Math.min(TAIL_BYTES, source.size);
  const head = readWhatIsThere(source, 0, headBytes);
  const tail = readWhatIsThere(source, source.size - tailBytes, tailBytes);
  return { head, tail, size: source.size, name, source };
}

/** Zeros where the source is damaged: one bad chunk at its end must not hide a whole filesystem. */
function readWhatIsThere(source: ByteSource, position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  try {
    source.read(position, bytes, 0, length);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    bytes.fill(0);
    // The first half may be whole, and holds what most probes look at.
    if (length > SMALLEST_READ) bytes.set(readWhatIsThere(source, position, length >> 1));
  }
  return bytes;
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
