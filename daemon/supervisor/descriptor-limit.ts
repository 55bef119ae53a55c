/** How many descriptors this process may have open. */
import { readFileSync } from "node:fs";

/** Where the kernel sets no bound. */
const MANY = 524_288;

/** RLIMIT_NOFILE, the soft one; Node has raised it to the hard one. */
export function descriptorLimit(): number {
  const line = /^Max open files\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "latin1"));
  return line === null || line[1] === "unlimited" ? MANY : Number(line[1]);
}
