/** Opening a file by a name that an image chose: never outside the given folder, never a symlink. */
import { check, openat2 } from "./libc.js";

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
