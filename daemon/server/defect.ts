/** The end of a server of which a thread has met a defect. */
import { writeSync } from "node:fs";
import { exitAtOnce } from "../../fs-adapter/system/libc.js";

/** sysexits.h: an internal error. */
const EX_SOFTWARE = 70;

/**
 * The supervisor starts another server, which answers what the thread has in hand. Not by exit(3): that
 * waits for the other threads, which wait for requests.
 */
export function endByDefect(thread: number, error: Error): void {
  writeSync(2, `serving thread ${thread}: ${error.stack}\n`);
  exitAtOnce(EX_SOFTWARE);
}
