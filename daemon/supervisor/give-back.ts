/**
 * Gives memory back to the machine. V8 collects what many clients have left when it has allocated as
 * much again, which a daemon that has nothing to do never does; and malloc keeps what V8 frees.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { mallocTrim } from "../../fs-adapter/system/libc.js";

const FREED_AFTER_MILLISECONDS = 500;

/** Takes some twenty milliseconds, now and a little later. */
export function giveBackMemory(): void {
  // Node has no other way to ask for it than V8's own function, which a new context shows then.
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  // The first finds which pages are all but empty, the second moves what is left on them.
  collect();
  // V8 frees the memory of buffers on a thread of its own, after the collection.
  setTimeout(() => mallocTrim(0), FREED_AFTER_MILLISECONDS).unref();
}
