/**
 * Gives memory back to the machine. V8 collects what many clients have left when it has allocated as
 * much again, which a daemon that has nothing to do never does; and malloc keeps what V8 frees.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { mallocTrim } from "../../fs-adapter/system/libc.js";

/** Takes some ten milliseconds. */
export function giveBackMemory(): void {
  // Node has no other way to ask for it than V8's own function, which a new context shows then.
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  mallocTrim(0);
}
