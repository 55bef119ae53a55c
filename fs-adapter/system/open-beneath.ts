/** Opening a file by a name that somebody else chose: never a symlink, nor outside the given folder. */
import { closeSync, constants as fsConstants, open, openSync } from "node:fs";
import { constants } from "node:os";
import { promisify } from "node:util";
import { check, errno, openat2, openat2InBackground, SystemError } from "./libc.js";

const RESOLVE_NO_MAGICLINKS = 0x02n;
const RESOLVE_NO_SYMLINKS = 0x04n;
const RESOLVE_BENEATH = 0x08n;
const O_CLOEXEC = 0o2000000;

/** openat2(2) with `flags` of open(2). Throws SystemError: EXDEV or ELOOP where the path leads out. */
export function openBeneath(folder: number, path: string, flags: number): number {
  const how = new BigUint64Array([
    BigInt(flags | O_CLOEXEC),
    0n,
    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
  ]);
  return check(openat2(folder, path, how), `open ${path}`);
}

const AT_FDCWD = -100;
const O_PATH = 0o10000000;

/**
 * A folder by an absolute path on which nothing is a symlink now: what the kernel or an earlier look
 * said to be so, and somebody may have exchanged since. O_PATH. Throws an error with a code: ELOOP or
 * ENOTDIR where it was.
 */
export function openWithoutSymlinks(path: string): number {
  const fd = openat2(AT_FDCWD, path, withoutSymlinks());
  if (fd >= 0) return fd;
  if (errno() !== constants.errno.ENOSYS) throw new SystemError(`open ${path}`, errno());
  let folder = openSync("/", PLAIN_FOLDER);
  for (const step of stepsOf(path)) {
    const parent = folder;
    try {
      folder = openSync(step(parent), PLAIN_FOLDER);
    } finally {
      closeSync(parent);
    }
  }
  return folder;
}

/** The same on a thread of the pool: the path may lead through a filesystem that does not answer. */
export async function openWithoutSymlinksInBackground(path: string): Promise<number> {
  try {
    return await openat2InBackground(AT_FDCWD, path, withoutSymlinks());
  } catch (error) {
    if (!(error instanceof SystemError) || error.code !== "ENOSYS") throw error;
  }
  let folder = openSync("/", PLAIN_FOLDER);
  for (const step of stepsOf(path)) {
    const parent = folder;
    try {
      folder = await openInBackground(step(parent), PLAIN_FOLDER);
    } finally {
      closeSync(parent);
    }
  }
  return folder;
}

const openInBackground = promisify(open);

/** For containers that forbid openat2(2): one name at a time, none of which may be a symlink. */
const PLAIN_FOLDER = O_PATH | fsConstants.O_DIRECTORY | fsConstants.O_NOFOLLOW;

function stepsOf(path: string): ((parent: number) => string)[] {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  return names.map((name) => (parent) => `/proc/self/fd/${parent}/${name}`);
}

function withoutSymlinks(): BigUint64Array {
  return new BigUint64Array([
    BigInt(O_PATH | fsConstants.O_DIRECTORY | O_CLOEXEC),
    0n,
    RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
  ]);
}
