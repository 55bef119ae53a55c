/**
 * Closing what another process has opened. close(2) waits for whoever is behind the file: a FUSE
 * filesystem is asked (FLUSH), by each close of each copy, and may never answer; a socket may have
 * been told to linger for an hour, a terminal to send its rest. So whatever may wait is closed on a
 * thread of libuv's pool.
 */
import { readFileSync } from "node:fs";
import { abortConnection } from "../mounting/abort.js";
import { isFuse, readMountinfo } from "../mounting/mountinfo.js";
import { type CachedStat, cachedStat } from "./cached-stat.js";
import { close, inBackground, setsockopt } from "./libc.js";

const O_PATH = 0o10000000;
const S_IFMT = 0o170000;
const S_IFSOCK = 0o140000;
const S_IFCHR = 0o020000;
const S_IFIFO = 0o010000;
const SOL_SOCKET = 1;
const SO_LINGER = 13;

/** Of the pool's four threads one polls, and one is for the rest. */
const MAX_AT_A_TIME = 2;
/**
 * With more than these waiting behind some that do not come to an end, somebody does it on purpose:
 * the filesystems that are being waited for are cut off.
 */
const MAX_WAITING = 64;

const waiting: number[] = [];
/** Being closed, with the device that they lie on. */
const closing = new Map<number, string>();

/** Whether something is not closed yet: what it lies on cannot be unmounted. */
export function isClosingForeign(): boolean {
  return closing.size > 0;
}

/** None of them is to be used any more; they are gone at once or a little later. */
export function closeForeign(descriptors: Iterable<number>, patience = MAX_WAITING): void {
  let mounts: ReturnType<typeof readMountinfo> | undefined;
  for (const fd of descriptors) {
    if ((openFlags(fd) & O_PATH) !== 0) close(fd);
    else {
      mounts ??= readMountinfo();
      if (mayWait(fd, mounts)) waiting.push(fd);
      else close(fd);
    }
  }
  next();
  if (waiting.length <= patience) return;
  for (const device of closing.values()) abortConnection(device);
  for (const fd of waiting) abortConnection(deviceOf(cachedStat(fd)));
}

/**
 * Takes out, and closes, what is open in a FUSE filesystem of somebody who is not to be trusted. As
 * long as it were open here, this process could start no other: the child closes it as well, and has
 * it flushed, before it becomes the other program. A folder's O_PATH descriptor has no such effect.
 */
export function sift(descriptors: readonly number[]): number[] {
  const served = descriptors.filter((fd) => (openFlags(fd) & O_PATH) === 0 && mayWait(fd));
  closeForeign(served, 0);
  return descriptors.filter((fd) => !served.includes(fd));
}

/** Whether a use of the file may have to wait for a program, or for a person. */
function mayWait(fd: number, mounts = readMountinfo()): boolean {
  const stat = cachedStat(fd);
  const kind = stat.mode & S_IFMT;
  if (kind === S_IFIFO) return false;
  if (kind === S_IFSOCK || kind === S_IFCHR) return true;
  // Of a filesystem that is nowhere to be seen, anything can be expected.
  const device = deviceOf(stat);
  const id = mountIdOf(fd);
  const mount = mounts.find((each) => each.mountId === id || each.device === device);
  return mount === undefined || isFuse(mount);
}

function next(): void {
  while (closing.size < MAX_AT_A_TIME) {
    const fd = waiting.shift();
    if (fd === undefined) return;
    const stat = cachedStat(fd);
    if ((stat.mode & S_IFMT) === S_IFSOCK) {
      // Its owner may say otherwise once more; as a rule the thread is free at once.
      setsockopt(fd, SOL_SOCKET, SO_LINGER, new Int32Array(2), 8);
    }
    closing.set(fd, deviceOf(stat));
    const done = () => {
      closing.delete(fd);
      next();
    };
    // EIO and the like: closed all the same.
    inBackground(close as never, "close", fd).then(done, done);
  }
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
