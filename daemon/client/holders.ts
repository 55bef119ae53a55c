/** Who keeps a mount busy: processes with a file open, a folder entered or a program running there. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface Holder {
  pid: number;
  command: string;
  /** What it holds, as the kernel names it. */
  path: string;
}

/** Named in a message; more are only counted. */
const MAX_HOLDERS = 20;

/**
 * By the links in /proc, which are text: nothing is looked up inside the mount. Processes of other
 * users stay unseen unless root asks.
 */
export function holdersOf(mountpoint: string): Holder[] {
  const holders: Holder[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const path = held(`/proc/${name}`, mountpoint);
    if (path === undefined) continue;
    holders.push({ pid: Number(name), command: commandOf(name), path });
    if (holders.length === MAX_HOLDERS) break;
  }
  return holders;
}

function held(process: string, mountpoint: string): string | undefined {
  const inside = (path: string) => path === mountpoint || path.startsWith(`${mountpoint}/`);
  for (const link of ["cwd", "root", "exe"]) {
    const path = quietly(() => readlinkSync(`${process}/${link}`));
    if (path !== undefined && inside(path)) return path;
  }
  for (const fd of quietly(() => readdirSync(`${process}/fd`)) ?? []) {
    const path = quietly(() => readlinkSync(`${process}/fd/${fd}`));
    if (path !== undefined && inside(path)) return path;
  }
  const maps = quietly(() => readFileSync(`${process}/maps`, "utf8")) ?? "";
  for (const line of maps.split("\n")) {
    const slash = line.indexOf("/");
    if (slash >= 0 && inside(line.slice(slash))) return line.slice(slash);
  }
  return undefined;
}

function commandOf(pid: string): string {
  return quietly(() => readFileSync(`/proc/${pid}/comm`, "utf8").trim()) ?? "?";
}

/** Undefined for a process that has ended meanwhile or belongs to somebody else. */
function quietly<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (["ENOENT", "ESRCH", "EACCES", "EPERM", "ENOTDIR"].includes(code ?? "")) return undefined;
    throw error;
  }
}

/** `; it is held by vlc (1234: /mnt/film.mkv) and bash (99: /mnt)`; empty where nobody is seen. */
export function describeHolders(holders: readonly Holder[]): string {
  if (holders.length === 0) return "";
  const shown = holders.slice(0, 3).map(({ command, pid, path }) => `${command} (${pid}: ${path})`);
  const more = holders.length - shown.length;
  return `; it is held by ${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
