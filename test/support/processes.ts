/** What the kernel tells of a process, and waiting for what happens elsewhere. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** What each descriptor of a process refers to: `3 /path`, `4 socket:[123]`. */
export function descriptors(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((fd) => {
    try {
      return [`${fd} ${readlinkSync(`${folder}/${fd}`)}`];
    } catch (error) {
      // Closed while we looked.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      return [];
    }
  });
}

/** A field of /proc/PID/status: `Uid`, `CapEff`, `VmRSS`. */
export function statusField(pid: number, name: string): string {
  const value = new RegExp(`^${name}:\\s*(.*)$`, "m").exec(
    readFileSync(`/proc/${pid}/status`, "utf8"),
  )?.[1];
  if (value === undefined) throw new Error(`/proc/${pid}/status has no ${name}`);
  return value;
}

export function residentKibibytes(pid: number): number {
  return Number.parseInt(statusField(pid, "VmRSS"), 10);
}

/** Looks again and again until it is so, for at most `seconds`. */
export async function eventually(what: string, isSo: () => unknown, seconds = 10): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`not within ${seconds} seconds: ${what}`);
    await sleep(20);
  }
}
