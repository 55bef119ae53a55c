/**
 * The buffers that Node's synchronous codecs return: too short-lived to be worth much memory, but V8
 * lets some 32 MiB of them gather in each thread before it looks which are still needed. Asked to
 * look at the young ones more often, it takes a fraction of a millisecond each time, and the heap
 * stays small.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Of one thread, together. */
const MAX_LEFT_BYTES = 4 * 1024 * 1024;

let left = 0;
let collect: ((options: { type: "minor" }) => void) | undefined;

/** A buffer of `length` bytes was returned, and is not needed any more. */
export function leaveBuffer(length: number): void {
  left += length;
  if (left < MAX_LEFT_BYTES) return;
  left = 0;
  collect ??= exposedCollector();
  collect({ type: "minor" });
}

/** Contexts made after the flag is set have it; this one need not. */
function exposedCollector(): (options: { type: "minor" }) => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc");
}
