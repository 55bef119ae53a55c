/** A pipe that holds a few bytes: what a child is to read once, with no file for it. */
import { writeSync } from "node:fs";
import { check, close, pipe2 } from "./libc.js";

const O_CLOEXEC = 0o2000000;

/** The end to read from; `bytes` are fewer than a page. */
export function filledPipe(bytes: Uint8Array): number {
  const pair = new Int32Array(2);
  check(pipe2(pair, O_CLOEXEC), "pipe2");
  const [reader, writer] = pair;
  try {
    writeSync(writer, bytes);
  } catch (error) {
    close(reader);
    throw error;
  } finally {
    close(writer);
  }
  return reader;
}
