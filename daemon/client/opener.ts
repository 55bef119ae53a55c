/** Opens what the person named, with the person's rights: the daemon itself never opens a path. */
import { closeSync, constants, fstatSync, openSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { codeOf, type Failure, failed, hintOfMissing, reasonOf, usage } from "./failure.js";

/** In units of 512 bytes, whatever the device's own sector is. */
const SYSFS_SECTOR = 512;

export class OpenedImage {
  constructor(
    /** Absolute, as it was named. */
    readonly path: string,
    readonly fd: number,
    /** Bytes. Only for block devices, whose stat says 0. */
    readonly size: number | undefined,
    /** The folder where neighbours lie, where that is not the image's own: of a bundle, itself. */
    private readonly bundle: string | undefined,
  ) {}

  /** File name without folders and without its last suffix. */
  get stem(): string {
    return basename(this.path).replace(/(?<=.)\.[^.]*$/, "");
  }

  /** Opens the folder whose files the image may name. Symlinks to the image are resolved. */
  openFolder(): number {
    const folder = this.bundle ?? dirname(realpathSync(this.path));
    try {
      return openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
    } catch (error) {
      throw failed(`cannot open the image's folder ${folder}: ${reasonOf(error)}`, error);
    }
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** Throws Failure where it is missing, unreadable, empty or nothing that holds bytes. */
export function openImage(name: string): OpenedImage {
  if (name === "") throw usage("the image's name is empty");
  const path = resolve(name);
  const fd = openForReading(path, path);
  try {
    const stat = fstatSync(fd);
    if (stat.isDirectory()) return openBundle(path, fd);
    if (stat.isBlockDevice()) return openDevice(path, fd, stat.rdev);
    if (!stat.isFile()) throw failed(`${path} is neither a file nor a block device`);
    if (stat.size === 0) throw failed(`${path} is empty`);
    return new OpenedImage(path, fd, undefined, undefined);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function openForReading(path: string, shown: string): number {
  try {
    // Without O_NONBLOCK a FIFO would wait for its writer.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw cannotOpen(shown, error);
  }
}

function cannotOpen(path: string, error: unknown): Failure {
  const hint =
    codeOf(error) === "ENOTCONN"
      ? "unmount that one first: isomount list shows it"
      : hintOfMissing(path);
  return failed(`cannot open ${path}: ${reasonOf(error)}`, error, hint);
}

/** What tells of a sparse bundle: the second is a copy of the first, for when that was lost. */
const BUNDLE_FILES = ["Info.plist", "Info.bckup"];

/** A sparse bundle is a folder with Info.plist beside the bands. */
function openBundle(path: string, folder: number): OpenedImage {
  for (const name of BUNDLE_FILES) {
    let fd: number;
    try {
      fd = openSync(join(path, name), constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      if (codeOf(error) === "ENOENT") continue;
      throw cannotOpen(join(path, name), error);
    }
    const stat = fstatSync(fd);
    // An empty one is what a full disk leaves.
    if (stat.isFile() && stat.size > 0) {
      closeSync(folder);
      return new OpenedImage(path, fd, undefined, path);
    }
    closeSync(fd);
  }
  throw failed(`${path} is a folder, not an image`);
}

/** Opened again without O_NONBLOCK, with which drives do not look whether there is a medium. */
function openDevice(path: string, probe: number, rdev: number): OpenedImage {
  let fd: number;
  try {
    fd = openSync(`/proc/self/fd/${probe}`, constants.O_RDONLY);
  } catch (error) {
    throw cannotOpen(path, error);
  }
  const size = deviceSize(rdev);
  if (size === 0) {
    closeSync(fd);
    throw failed(`${path} holds no medium`);
  }
  closeSync(probe);
  return new OpenedImage(path, fd, size, undefined);
}

function deviceSize(rdev: number): number {
  // makedev(3) of the GNU C library, within the 32 bits that Linux uses.
  const major = (rdev >>> 8) & 0xfff;
  const minor = (rdev & 0xff) | ((rdev >>> 12) & 0xfff00);
  return Number(readFileSync(`/sys/dev/block/${major}:${minor}/size`, "utf8")) * SYSFS_SECTOR;
}
