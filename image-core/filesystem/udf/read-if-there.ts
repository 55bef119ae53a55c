/** Reading what is recorded in several places, each of which may be unreadable or cut off. */
import { ImageError } from "../../errors.js";
import type { ByteSource } from "../../source/byte-source.js";

/** As `ByteSource.read` from the beginning of `target`; 0 where something is unreadable. */
export function readIfThere(
  source: ByteSource,
  position: number,
  target: Uint8Array,
  length: number,
): number {
  try {
    return source.read(position, target, 0, length);
  } catch (error) {
    if (!(error instanceof ImageError) || error.kind === "host-io") throw error;
    return 0;
  }
}
