/** Opening a file by a name that somebody else chose: never a symlink, nor outside the given folder. */
import { check, openat2, openat2InBackground } from "./libc.js";

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

/**
 * A path on which nothing is a symlink now: what the kernel or an earlier look said to be so, and
 * somebody may have exchanged since. Throws SystemError: ELOOP where it was.
 */
export function openWithoutSymlinks(path: string, flags: number): number {
  return check(openat2(AT_FDCWD, path, withoutSymlinks(flags)), `open ${path}`);
}

/** The same on a thread of the pool: the path may lead through a filesystem that does not answer. */
export function openWithoutSymlinksInBackground(path: string, flags: number): Promise<number> {
  return openat2InBackground(AT_FDCWD, path, withoutSymlinks(flags));
}

function withoutSymlinks(flags: number): BigUint64Array {
  return new BigUint64Array([
    BigInt(flags | O_CLOEXEC),
    0n,
    RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
  ]);
}
