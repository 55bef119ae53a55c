/**
 * The folder that a mount is to have, made for a client that names where: by the client itself it
 * would stay if that were killed before it has said so.
 */
import { constants, open } from "node:fs";
import { lstat, mkdir, rmdir } from "node:fs/promises";
import { promisify } from "node:util";
import { descriptorPath, MountError } from "../../fs-adapter/mounting/mount.js";
import type { MadeFolder } from "./made-folder.js";

/** Folders of one name: `Label`, `Label 2`, ... */
const MAX_NAMESAKES = 1000;
const O_PATH_FOLDER = 0o10000000 | constants.O_DIRECTORY | constants.O_NOFOLLOW;

// All on the pool: the parent may lie in a filesystem that does not answer.
const openInBackground = promisify(open);

/**
 * `note` is told of the name before there is a folder. Returns the name that was free, and the folder
 * (O_PATH). Throws MountError where none can be made.
 */
export async function makeFolder(
  { parent, name: wanted }: MadeFolder,
  note: (name: string) => void,
): Promise<{ name: string; fd: number }> {
  for (let number = 1; number <= MAX_NAMESAKES; number++) {
    const name = number === 1 ? wanted : `${wanted} ${number}`;
    const path = `/proc/self/fd/${parent}/${name}`;
    // What is there already is somebody else's, and must not be noted as ours.
    if (await isThere(path)) continue;
    note(name);
    try {
      await mkdir(path, 0o755);
    } catch (error) {
      if (codeOf(error) === "EEXIST") continue;
      throw cannot(parent, name, error);
    }
    try {
      return { name, fd: await openInBackground(path, O_PATH_FOLDER) };
    } catch (error) {
      await rmdir(path);
      throw cannot(parent, name, error);
    }
  }
  const where = descriptorPath(parent);
  throw new MountError("EEXIST", `${where} has ${MAX_NAMESAKES} folders named ${wanted}`);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}

function cannot(parent: number, name: string, error: unknown): MountError {
  const code = codeOf(error) ?? "EIO";
  return new MountError(code, `cannot make ${descriptorPath(parent)}/${name}: ${code}`);
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
