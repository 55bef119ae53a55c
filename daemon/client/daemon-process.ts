/** The process that serves a runtime folder, as the kernel knows it: one that hears nothing cannot be asked. */
import { readFileSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "./failure.js";

/** Whoever holds its lock. `locks` as proc(5) has it: `1: FLOCK  ADVISORY  WRITE 4711 00:2e:123 0 EOF`. */
export function daemonPid(
  folder: string,
  locks = readFileSync("/proc/locks", "utf8"),
): number | undefined {
  const stat = statOf(join(folder, "isomountd.lock"));
  if (stat === undefined) return undefined;
  const { dev, ino } = stat;
  const hex = (part: number) => part.toString(16).padStart(2, "0");
  // makedev(3), for the numbers that there are.
  const file = `${hex((dev >> 8) & 0xfff)}:${hex((dev & 0xff) | ((dev >> 12) & 0xfff00))}:${ino}`;
  for (const line of locks.split("\n")) {
    const [, type, , , pid, place] = line.trim().split(/\s+/);
    if (type === "FLOCK" && place === file && Number(pid) > 0) return Number(pid);
  }
  return undefined;
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    // The folder of root's daemon is closed to the members of its group.
    if (codeOf(error) === "EACCES") return undefined;
    throw error;
  }
}

/** By SIGSTOP or at a terminal; not by a debugger, which lets it go on by itself. */
export function isStopped(pid: number): boolean {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch (error) {
    // Gone; or /proc is mounted with hidepid, and it is somebody else's.
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(codeOf(error) ?? "")) return false;
    throw error;
  }
  // The second field is the program's name in parentheses, and may hold anything.
  return text.slice(text.lastIndexOf(")") + 2).startsWith("T");
}
