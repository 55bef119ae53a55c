/**
 * A process told apart by its start time, since pids are used again; and when it can do no more harm
 * to the one that takes its place.
 *
 * A killed process runs none of its program any more, but it may stay: a thread in an
 * uninterruptible wait (a disk that does not answer, a page that another request holds) keeps it,
 * its descriptors and its sockets until the wait is over. Whoever waited for that end might be what
 * it waits for. The kernel tells nobody of it: pidfds, SIGCHLD and hang-ups come when the last
 * thread is gone. /proc/PID/stat is that of the main thread, which is a zombie then.
 */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { isForWantOfDescriptors } from "../../fs-adapter/system/libc.js";

export interface KnownProcess {
  /** 0 where there is none. */
  readonly pid: number;
  /** As `processStartTime` gave it; empty where there was no such process. */
  readonly startTime: string;
}

/** In proc(5)'s letters: zombie and dead, and uninterruptible wait. */
const ENDED = "ZX";
const WAITING = "D";

const PAUSE_MILLISECONDS = 2;
const LONG_PAUSE_MILLISECONDS = 20;
/** A wait for a disk that does answer is over by then, and the end comes in the usual way. */
const GRACE_MILLISECONDS = 100;
/** However busy the machine is. */
const MAX_MILLISECONDS = 2_000;

/** Field 22 of /proc/PID/stat; empty where there is no such process. */
export function processStartTime(pid: number): string {
  return pid > 0 ? (look(`${pid}/stat`, readStat)?.startTime ?? "") : "";
}

/** The process that has this pid now; unknown, and killed by nobody, where it cannot be looked at. */
export function knownProcess(pid: number): KnownProcess {
  try {
    return { pid, startTime: processStartTime(pid) };
  } catch (error) {
    if (isForWantOfDescriptors(error)) return { pid, startTime: "" };
    throw error;
  }
}

/** Whether this is still the process that had this start time. */
export function isProcess({ pid, startTime }: KnownProcess): boolean {
  return startTime !== "" && processStartTime(pid) === startTime;
}

/** Ends that process for good, and no other; nothing happens where it is gone. */
export function killProcess(target: KnownProcess): void {
  if (!isProcess(target)) return;
  try {
    process.kill(target.pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Whether it is gone, or on its way out: its main thread is. */
export function isEnding({ pid, startTime }: KnownProcess): boolean {
  if (pid <= 0 || startTime === "") return true;
  try {
    const now = look(`${pid}/stat`, readStat);
    return now === undefined || now.startTime !== startTime || ENDED.includes(now.state);
  } catch (error) {
    if (isForWantOfDescriptors(error)) return false;
    throw error;
  }
}

/**
 * Kills it, at once if there is a descriptor to look at it with. Resolves when it has stopped for
 * good: when it is gone, or when whatever threads it has left have been waiting in the kernel for a
 * while. What they wait for may still be done in its name; nothing after that.
 */
export async function bringDown(target: KnownProcess): Promise<void> {
  while (!tryToKill(target)) await pause(LONG_PAUSE_MILLISECONDS);
  await standstill(target);
}

function tryToKill(target: KnownProcess): boolean {
  try {
    killProcess(target);
    return true;
  } catch (error) {
    if (isForWantOfDescriptors(error)) return false;
    throw error;
  }
}

async function standstill(killed: KnownProcess): Promise<void> {
  const since = performance.now();
  for (;;) {
    const states = statesOfThreads(killed);
    if (states.every((state) => ENDED.includes(state))) return;
    const waited = performance.now() - since;
    if (waited > MAX_MILLISECONDS) return;
    const isStuck = states.every((state) => ENDED.includes(state) || state === WAITING);
    if (isStuck && waited > GRACE_MILLISECONDS) return;
    await pause(waited > GRACE_MILLISECONDS ? LONG_PAUSE_MILLISECONDS : PAUSE_MILLISECONDS);
  }
}

/** None where it is gone. */
function statesOfThreads(target: KnownProcess): string[] {
  const { pid } = target;
  try {
    if (!isProcess(target)) return [];
    const threads = look(`${pid}/task`, (path) => readdirSync(path)) ?? [];
    return threads.flatMap((thread) => look(`${pid}/task/${thread}/stat`, readStat)?.state ?? []);
  } catch (error) {
    if (isForWantOfDescriptors(error)) return ["unknown"];
    throw error;
  }
}

function readStat(path: string): { state: string; startTime: string } {
  const text = readFileSync(path, "latin1");
  // The second field is the program's name in parentheses, and may hold anything.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0], startTime: fields[19] };
}

/** Undefined where the process or thread is gone. */
function look<T>(entry: string, read: (path: string) => T): T | undefined {
  try {
    return read(`/proc/${entry}`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw error;
  }
}
