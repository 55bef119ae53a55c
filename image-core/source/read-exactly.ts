/** Reading structures: all of it, or an error that says which structure is cut off and where. */
import { at, ImageError } from "../errors.js";
import type { ByteSource } from "./byte-source.js";

/**
 * Reads `length` bytes at `position` into a new array. For metadata, never for file contents.
 *
 * `length` must be bounded by the caller before it comes here: this takes the memory.
 * Throws `truncated`, naming `structure`, where the source ends early.
 */
export function readExactly(
  source: ByteSource,
  position: number,
  length: number,
  format: string,
  structure: string,
): Uint8Array {
  // Checked first, so that a length the image chose takes no memory beyond what the image holds.
  if (!(position >= 0) || position + length > source.size) {
    throw new ImageError(
      "truncated",
      format,
      `${structure} ${at(position)}: needs ${length} bytes, the image ends ${at(source.size)}`,
    );
  }
  const bytes = new Uint8Array(length);
  const got = source.read(position, bytes, 0, length);
  if (got < length) {
    throw new ImageError(
      "truncated",
      format,
      `${structure} ${at(position)}: got ${got} of ${length} bytes`,
    );
  }
  return bytes;
}
