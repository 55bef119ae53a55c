/**
 * Descriptors that whoever started the daemon had open and did not close: they would stay open as
 * long as the daemon, and each server would hold them in its sandbox.
 */
import { closeSync, readdirSync, readFileSync } from "node:fs";

const FIRST_FD = 3;
const O_CLOEXEC = 0o2000000;

/** Closes what was inherited beyond the `expected` descriptors that begin at 3. */
export function closeInherited(expected: number): void {
  for (const name of readdirSync("/proc/self/fd")) {
    const fd = Number(name);
    if (fd >= FIRST_FD + expected && isInherited(fd)) closeSync(fd);
  }
}

/** What survived an exec; all that this process has opened itself would not. */
function isInherited(fd: number): boolean {
  try {
    const flags = /^flags:\s+([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"));
    return flags !== null && (Number.parseInt(flags[1], 8) & O_CLOEXEC) === 0;
  } catch (error) {
    // The listing's own, closed by now.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
