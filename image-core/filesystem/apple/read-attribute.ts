/** The value of an extended attribute, where a fork holds it. */
import { ImageError } from "../../errors.js";
import type { ByteSource } from "../../source/byte-source.js";

/** The most that one extended attribute makes us take. */
const MAX_XATTR_BYTES = 64 * 1024 * 1024;

/** Throws `limit` for a value larger than any attribute needs to be. */
export function readAttribute(source: ByteSource, format: string, name: string): Uint8Array {
  if (source.size > MAX_XATTR_BYTES) {
    throw new ImageError("limit", format, `${name}: ${source.size} bytes in one attribute`);
  }
  const bytes = new Uint8Array(source.size);
  source.read(0, bytes, 0, bytes.length);
  return bytes;
}
