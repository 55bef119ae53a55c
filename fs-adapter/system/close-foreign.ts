/**
 * Closing what another process has opened. close(2) waits for whoever is behind the file: a FUSE
 * filesystem is asked (FLUSH), by each close of each copy, and may never answer; a socket may have
 * been told to linger for an hour, a terminal to send its rest. So whatever may wait is closed on a
 * thread of libuv's pool.
 */
import { readFileSync } from "node:fs";
import { abortConnection } from "../mounting/abort.js";
import { isFuse, type MountEntry, readMountinfo } from "../mounting/mountinfo.js";
import { type CachedStat, cachedStat } from "./cached-stat.js";
import { close, inBackground, isForWantOfDescriptors, setsockopt } from "./libc.js";

const O_PATH = 0o10000000;
const S_IFMT = 0o170000;
const S_IFSOCK = 0o140000;
const S_IFCHR = 0o020000;
const S_IFIFO = 0o010000;
const SOL_SOCKET = 1;
const SO_LINGER = 13;

/** Of the pool's four threads one polls, and one is for the rest. */
const MAX_AT_A_TIME = 2;

const waiting: number[] = [];
const closing = new Set<number>();

/** Whether something is not closed yet: what it lies on cannot be unmounted. */
export function isClosingForeign(): boolean {
  return closing.size > 0;
}

/** None of them is to be used any more; they are gone at once or a little later. */
export function closeForeign(descriptors: Iterable<number>): void {
  const mayWait = judge();
  for (const fd of descriptors) {
    if (mayWait(fd)) waiting.push(fd);
    else close(fd);
  }
  next();
}

/**
 * Takes out, and closes, what is open in a FUSE filesystem of somebody who is not to be trusted. As
 * long as it were open here, this process could start no other: the child closes it as well, and has
 * it flushed, before it becomes the other program. A folder's O_PATH descriptor has no such effect.
 *
 * Of more of them than are closed at a time, some would be open when the next process is started:
 * their filesystems are cut off. Not root's own, which are others' as well, and mean no harm.
 */
export function sift(descriptors: readonly number[]): number[] {
  if (descriptors.length === 0) return [];
  const served = descriptors.filter(judge());
  const devices = new Map(served.map((fd) => [fd, deviceOf(cachedStat(fd))]));
  closeForeign(served);
  const open = [...devices].filter(([fd]) => closing.has(fd) || waiting.includes(fd));
  if (waiting.length > 0) cutOff(new Set(open.map(([, device]) => device)));
  return descriptors.filter((fd) => !served.includes(fd));
}

/**
 * Whether closing a file may have to wait for a program, or for a person. Of one filesystem it is
 * found out once: an image may have ten thousand files beside it.
 */
function judge(): (fd: number) => boolean {
  const served = new Map<number, boolean>();
  let mounts: MountEntry[] | undefined;
  const isServed = (fd: number, stat: CachedStat) => {
    mounts ??= readMountinfo();
    const device = deviceOf(stat);
    const id = mountIdOf(fd);
    const mount = mounts.find((each) => each.mountId === id || each.device === device);
    // Of a filesystem that is nowhere to be seen, anything can be expected.
    return mount === undefined || isFuse(mount);
  };
  const mayWait = (fd: number) => {
    const stat = cachedStat(fd);
    const kind = stat.mode & S_IFMT;
    if (kind === S_IFIFO) return false;
    if (kind !== S_IFSOCK && kind !== S_IFCHR) {
      const known = served.get(stat.dev) ?? isServed(fd, stat);
      served.set(stat.dev, known);
      if (!known) return false;
    }
    return (openFlags(fd) & O_PATH) === 0;
  };
  return (fd) => {
    try {
      return mayWait(fd);
    } catch (error) {
      // No descriptor is left to find it out with: this one will be, be it a little later.
      if (isForWantOfDescriptors(error)) return true;
      throw error;
    }
  };
}

function next(): void {
  while (closing.size < MAX_AT_A_TIME) {
    const first = waiting.shift();
    if (first === undefined) return;
    closing.add(first);
    const done = () => {
      closing.delete(first);
      next();
    };
    if ((cachedStat(first).mode & S_IFMT) === S_IFSOCK) {
      // Its owner may say otherwise once more; as a rule the thread is free at once.
      setsockopt(first, SOL_SOCKET, SO_LINGER, new Int32Array(2), 8);
    }
    // EIO and the like: closed all the same.
    inBackground(close as never, "close", first).then(done, done);
  }
}

function cutOff(devices: ReadonlySet<string>): void {
  try {
    const mounts = readMountinfo();
    for (const device of devices) if (!isOfRoot(device, mounts)) abortConnection(device);
  } catch (error) {
    // Then no process can be started, either.
    if (!isForWantOfDescriptors(error)) throw error;
  }
}

function isOfRoot(device: string, mounts: readonly MountEntry[]): boolean {
  // Connections are named by the minor numbers of devices that are none.
  if (!device.startsWith("0:")) return true;
  const mount = mounts.find((each) => each.device === device);
  return mount?.options.split(",").includes("user_id=0") ?? false;
}

/** As mountinfo writes it. */
function deviceOf({ dev }: CachedStat): string {
  return `${(dev >>> 8) & 0xfff}:${(dev & 0xff) | ((dev >>> 12) & 0xfff00)}`;
}

function openFlags(fd: number): number {
  const flags = /^flags:\s*([0-7]+)$/m.exec(fdinfo(fd));
  return Number.parseInt(flags?.[1] ?? "0", 8);
}

/** Of the mount that the file was opened through. */
export function mountIdOf(fd: number): number {
  const id = /^mnt_id:\s*(\d+)$/m.exec(fdinfo(fd));
  if (id === null) throw new Error(`/proc/self/fdinfo/${fd} names no mount`);
  return Number(id[1]);
}

/** Whether it was opened for writing. */
export function isWritable(fd: number): boolean {
  // The access mode of the open file description: O_RDONLY is 0.
  return (openFlags(fd) & 3) !== 0;
}

/** proc(5), "/proc/pid/fdinfo". */
function fdinfo(fd: number): string {
  return readFileSync(`/proc/self/fdinfo/${fd}`, "latin1");
}
