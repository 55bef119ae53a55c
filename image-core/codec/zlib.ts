/** zlib streams (RFC 1950), by Node's own zlib: synchronous, bounded by the room in `output`. */
import { inflateSync } from "node:zlib";
import { ImageError } from "../errors.js";
import { leaveBuffer } from "./zlib/left-buffers.js";

/** zlib's smallest output buffer in Node. */
const MIN_CHUNK_SIZE = 64;

/** Returns the bytes produced. Throws `corrupt` for a bad stream or one that needs more room. */
export function decodeZlib(input: Uint8Array, output: Uint8Array): number {
  let inflated: Uint8Array;
  try {
    inflated = inflateSync(input, {
      // One byte more than the room: the end of a stream that just fits is seen without a second pass.
      chunkSize: Math.max(MIN_CHUNK_SIZE, output.length + 1),
      maxOutputLength: Math.max(1, output.length),
    });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (!code.startsWith("Z_") && code !== "ERR_BUFFER_TOO_LARGE") throw error;
    throw new ImageError(
      "corrupt",
      "zlib",
      code === "ERR_BUFFER_TOO_LARGE"
        ? `the stream holds more than the ${output.length} bytes expected`
        : (error as Error).message,
      { cause: error },
    );
  }
  if (inflated.length > output.length) {
    throw new ImageError(
      "corrupt",
      "zlib",
      `the stream holds ${inflated.length} bytes where ${output.length} are expected`,
    );
  }
  output.set(inflated);
  const { length } = inflated;
  leaveBuffer(length);
  return length;
}
