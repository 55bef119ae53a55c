/** The folder that a client made for a mount: it goes away with the mount. */
import { constants, openSync } from "node:fs";
import { close, inBackground, unlinkat } from "../../fs-adapter/system/libc.js";
import { ejectAlias } from "../rpc/eject-alias.js";
import type { StateRecord } from "./state-record.js";

const AT_REMOVEDIR = 0x200;
const O_PATH_DIRECTORY = 0o10000000 | constants.O_DIRECTORY;

export interface MadeFolder {
  /** O_PATH. */
  parent: number;
  name: string;
}

/**
 * By the record's path, which is safe here: a folder was made in it, so it lies in none of our own
 * mounts, which are read-only. Undefined where the parent is gone.
 */
export function reopenMadeFolder(made: StateRecord["made"]): MadeFolder | undefined {
  if (made === undefined) return undefined;
  try {
    return { parent: openSync(made.parent, O_PATH_DIRECTORY), name: made.name };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

/** Closes the parent. A folder that somebody has put something into stays. */
export function removeMadeFolder({ parent, name }: MadeFolder, warn: (text: string) => void): void {
  removeEjectAlias(parent, name)
    .then(() => inBackground(unlinkat as never, "rmdir", parent, name, AT_REMOVEDIR))
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
