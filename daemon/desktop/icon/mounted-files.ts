/**
 * Files of a mounted volume, opened without following its symlinks, which could lead anywhere. Every
 * call is asynchronous: a server that does not answer then keeps nobody waiting who set a limit.
 */
import { constants } from "node:fs";
import { type FileHandle, open, opendir } from "node:fs/promises";
import { codeOf } from "../../client/failure.js";
import { O_PATH } from "../../client/mountpoint.js";

/** Names in one folder that are compared; an icon lies in no fuller one. */
const MAX_NAMES = 10_000;

const FOLDER = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** Without O_NONBLOCK a FIFO would wait for its writer. */
const FILE = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/**
 * The file at `path` below the mountpoint, in any spelling as far as upper and lower case go.
 * Undefined where there is no such file, or where it cannot be read.
 */
export async function openMounted(
  mountpoint: string,
  path: readonly string[],
): Promise<FileHandle | undefined> {
  let folder = await openQuietly(mountpoint, FOLDER);
  for (const [i, name] of path.entries()) {
    if (folder === undefined) return undefined;
    const inner = await openChild(folder, name, i === path.length - 1 ? FILE : FOLDER);
    await folder.close();
    folder = inner;
  }
  if (folder === undefined || (await folder.stat()).isFile()) return folder;
  await folder.close();
  return undefined;
}

async function openChild(folder: FileHandle, name: string, flags: number) {
  const here = `/proc/self/fd/${folder.fd}`;
  const exact = await openQuietly(`${here}/${name}`, flags);
  if (exact !== undefined) return exact;
  const spelling = await spelled(here, name);
  return spelling === undefined ? undefined : openQuietly(`${here}/${spelling}`, flags);
}

async function spelled(folder: string, name: string): Promise<string | undefined> {
  const wanted = name.toLowerCase();
  let count = 0;
  for await (const entry of await opendir(folder)) {
    if (entry.name.toLowerCase() === wanted) return entry.name;
    if (++count === MAX_NAMES) break;
  }
  return undefined;
}

/** Undefined where it is not there, is a symlink, or is damaged. */
async function openQuietly(path: string, flags: number): Promise<FileHandle | undefined> {
  try {
    return await open(path, flags);
  } catch (error) {
    const gone = ["ENOENT", "ENOTDIR", "ELOOP", "EACCES", "EIO", "ENXIO", "ENAMETOOLONG"];
    if (gone.includes(codeOf(error) ?? "")) return undefined;
    throw error;
  }
}
