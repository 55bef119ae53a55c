/** The folder that a client made for a mount: it goes away with the mount. */
import { constants, openSync } from "node:fs";
import { isFuse, readMountinfo } from "../../fs-adapter/mounting/mountinfo.js";
import { cachedStat } from "../../fs-adapter/system/cached-stat.js";
import { close, inBackground, unlinkat } from "../../fs-adapter/system/libc.js";
import { openWithoutSymlinks } from "../../fs-adapter/system/open-beneath.js";
import { ejectAlias } from "../rpc/eject-alias.js";
import type { StateRecord } from "./state-record.js";

const AT_REMOVEDIR = 0x200;
const O_PATH_DIRECTORY = 0o10000000 | constants.O_DIRECTORY;

export interface MadeFolder {
  /** O_PATH. */
  parent: number;
  name: string;
}

type MadeRecord = Pick<StateRecord, "made" | "uid">;

/**
 * By the record's path, which is safe here: a folder was made in it, so it lies in none of our own
 * mounts, which are read-only. Undefined where the parent is gone.
 */
export function reopenMadeFolder({ made, uid }: MadeRecord): MadeFolder | undefined {
  if (made === undefined) return undefined;
  try {
    const parent = openParent(made.parent, uid);
    return parent === undefined ? undefined : { parent, name: made.name };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP") return undefined;
    throw error;
  }
}

/**
 * Where another user mounted it, that user may have put something else in its place: undefined where
 * it is not theirs, or lies in a FUSE filesystem, whose server could keep us waiting.
 */
function openParent(path: string, uid: number): number | undefined {
  if (uid === process.getuid!()) return openSync(path, O_PATH_DIRECTORY);
  const mount = readMountinfo().findLast(
    ({ mountpoint }) => mountpoint === "/" || `${path}/`.startsWith(`${mountpoint}/`),
  );
  if (mount === undefined || isFuse(mount)) return undefined;
  const parent = openWithoutSymlinks(path);
  if (cachedStat(parent).uid === uid) return parent;
  close(parent);
  return undefined;
}

/**
 * Closes the parent. A folder that somebody has put something into stays. Resolves when there is
 * nothing more to be done, and until then whatever names the folder on disk has to stay there.
 */
export function removeMadeFolder(
  { parent, name }: MadeFolder,
  warn: (text: string) => void,
): Promise<void> {
  return removeEjectAlias(parent, name)
    .then(async () => {
      await inBackground(unlinkat as never, "rmdir", parent, name, AT_REMOVEDIR);
    })
    .catch((error: Error) => warn(`${name} was not removed: ${error.message}`))
    .finally(() => close(parent));
}

/** Only made where the desktop needs it. */
async function removeEjectAlias(parent: number, name: string): Promise<void> {
  const alias = ejectAlias(name);
  if (alias === undefined) return;
  try {
    await inBackground(unlinkat as never, "unlink", parent, alias, 0);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== "ENOENT" && code !== "ENAMETOOLONG") throw error;
  }
}
