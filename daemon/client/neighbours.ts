/**
 * Finds the files that an image names beside it: a sheet's tracks, a disk's parent, segments.
 * The names come from the image, so nothing outside its folder is ever opened.
 */
import { closeSync, constants, fstatSync, opendirSync } from "node:fs";
import { openBeneath } from "../../fs-adapter/system/open-beneath.js";
import { codeOf } from "./failure.js";

/** Listing ends here: a sparse bundle of 8 TiB has as many bands. */
const MAX_NAMES = 1024 * 1024;

/** A path with more parts than this is no file name of an image. */
const MAX_DEPTH = 32;

const O_PATH = 0o10000000;

/**
 * Opens the file at `path` beneath `folder`: exactly as written, else in any case. Where an image
 * keeps the path of the machine it was made on (`C:\images\disc.bin`), its last part is looked for
 * in the folder itself. Throws with the reason in words.
 */
export function openNeighbour(folder: number, path: string, image?: number): number {
  const parts = path.split(/[/\\]+/).filter((part) => part !== "" && part !== ".");
  if (parts.length === 0 || parts.length > MAX_DEPTH) throw new Error("no usable file name");
  const found =
    find(folder, parts) ?? (parts.length > 1 ? find(folder, parts.slice(-1)) : undefined);
  if (found === undefined) throw new Error("it is not there");
  const fd = open(folder, found, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(fd).isFile()) throw new Error("it is not a file");
    if (image !== undefined) checkOwner(image, fd);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** The names in `path` beneath `folder`; the folder itself where `path` is empty. */
export function neighbourNames(folder: number, path: string): string[] {
  const parts = path.split(/[/\\]+/).filter((part) => part !== "" && part !== ".");
  if (parts.length > MAX_DEPTH) throw new Error("no usable folder name");
  if (parts.length === 0) return listNames(folder);
  const found = find(folder, parts);
  if (found === undefined) throw new Error("it is not there");
  const fd = open(folder, found, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return listNames(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * What the image names and root opens would be shown to everybody. So it must be the same owner's as
 * the image, or such that everybody may read it: a sheet that somebody has left in /tmp is not to
 * show what root has there. Throws with the reason in words.
 */
function checkOwner(image: number, neighbour: number): void {
  if (process.geteuid!() !== 0) return;
  const { uid, mode } = fstatSync(neighbour);
  if (uid === fstatSync(image).uid || (mode & constants.S_IROTH) !== 0) return;
  throw new Error("it belongs to another user than the image, and not everybody may read it");
}

/** The path as it is really spelled, or undefined where there is no such file. */
function find(folder: number, parts: readonly string[]): string | undefined {
  // Hidden files are no part of an image, but for AppleDouble's; and keys lie among them.
  if (parts.some((part) => /^\.(?!_)/.test(part))) return undefined;
  const written = parts.join("/");
  if (exists(folder, written)) return written;
  let real = "";
  for (const part of parts) {
    const prefix = real === "" ? "" : `${real}/`;
    const name = exists(folder, prefix + part) ? part : otherSpelling(folder, real, part);
    if (name === undefined) return undefined;
    real = prefix + name;
  }
  return real;
}

function exists(folder: number, path: string): boolean {
  try {
    closeSync(openBeneath(folder, path, O_PATH));
    return true;
  } catch (error) {
    if (absent.has(codeOf(error) ?? "")) return false;
    throw refusal(error);
  }
}

function otherSpelling(folder: number, path: string, wanted: string): string | undefined {
  const fd = openFolder(folder, path === "" ? "." : path);
  if (fd === undefined) return undefined;
  try {
    const folded = fold(wanted);
    // Sorted, so that of several spellings always the same is taken.
    return listNames(fd)
      .filter((name) => fold(name) === folded)
      .sort()[0];
  } finally {
    closeSync(fd);
  }
}

/** Undefined where a file of that name is in the way. */
function openFolder(folder: number, path: string): number | undefined {
  try {
    return openBeneath(folder, path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    if (codeOf(error) === "ENOTDIR") return undefined;
    throw refusal(error);
  }
}

function fold(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

function listNames(folder: number): string[] {
  const names: string[] = [];
  const directory = opendirSync(`/proc/self/fd/${folder}`);
  try {
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
      if (names.length === MAX_NAMES)
        throw new Error(`the folder has more than ${MAX_NAMES} names`);
      names.push(entry.name);
    }
  } finally {
    directory.closeSync();
  }
  return names;
}

/** Says that there is no file of this name; everything else is a refusal. */
const absent = new Set(["ENOENT", "ENOTDIR", "ENAMETOOLONG", "EINVAL"]);

const refusals: Record<string, string> = {
  EACCES: "permission denied",
  ELOOP: "it is a symbolic link",
  ENOTDIR: "it is not a folder",
  EXDEV: "it leads outside the image's folder",
};

function open(folder: number, path: string, flags: number): number {
  try {
    return openBeneath(folder, path, flags);
  } catch (error) {
    throw refusal(error);
  }
}

function refusal(error: unknown): Error {
  return new Error(refusals[codeOf(error) ?? ""] ?? (error as Error).message, { cause: error });
}
