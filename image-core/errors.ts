/**
 * Every way in which an image, or the host under it, can fail a reader.
 *
 * The message alone must let a person act, so an error names the format, the structure, where it
 * lies and the values that disagreed: `udif: chunk 12 at 0x4a00: inflated 4096 of 262144 bytes`.
 * `fs-adapter/errno.ts` is the one place where kinds become errno values.
 */

export type ImageErrorKind =
  /** A structure contradicts the specification, its container or itself. */
  | "corrupt"
  /** The image ends before the bytes a structure points at. */
  | "truncated"
  /** A stored checksum and the computed one differ. */
  | "checksum"
  /** Recognised and well formed, but isomount does not read this feature. */
  | "unsupported"
  /** No registered format recognises the bytes. */
  | "unknown-format"
  /** Needs a passphrase and none was given. */
  | "encrypted"
  | "wrong-passphrase"
  /** The image asks for more memory, depth or entries than isomount grants any image. */
  | "limit"
  /** An option does not fit this image (`session=9` on a disc with two). */
  | "option"
  /** A file that the image names beside it is not there or may not be opened. */
  | "missing-neighbour"
  /** The host could not read the image file itself. */
  | "host-io";

export class ImageError extends Error {
  override readonly name = "ImageError";

  constructor(
    readonly kind: ImageErrorKind,
    /** Format id, as in the registry: `iso9660`, `udif`, `gpt`. */
    readonly format: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`${format}: ${message}`, options);
  }
}

/** Formats a byte offset the way every message shows it. */
export function at(offset: number): string {
  return `at 0x${offset.toString(16)}`;
}

/**
 * The usual complaint: structure, offset, what is wrong with which values.
 * `throw corrupt("iso9660", "directory record", 0x8800, "length 20 is less than 34")`
 */
export function corrupt(
  format: string,
  structure: string,
  offset: number,
  problem: string,
): ImageError {
  return new ImageError("corrupt", format, `${structure} ${at(offset)}: ${problem}`);
}

export function unsupported(format: string, problem: string): ImageError {
  return new ImageError("unsupported", format, problem);
}
