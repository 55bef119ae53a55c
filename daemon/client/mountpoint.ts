/** The folder to mount on: the one that was named, or one made for the purpose. */
import {
  accessSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readlinkSync,
  rmdirSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { openBeneath } from "../../fs-adapter/system/open-beneath.js";
import { defaultFolder } from "./default-folder.js";
import { removeEmptyFolders } from "./empty-folders.js";
import { codeOf, failed, hintOfMissing, reasonOf, usage } from "./failure.js";
import { ourMounts } from "./mount-table.js";
import { makeEjectAlias, removeEjectAlias } from "./old-gvfs.js";

/** open(2); Node does not name it. */
export const O_PATH = 0o10000000;

/** Folders of one name: `Label`, `Label 2`, ... */
const MAX_NAMESAKES = 1000;

/** NAME_MAX, less room for the number behind it. */
const MAX_NAME_BYTES = 250;

export interface Mountpoint {
  path: string;
  /** O_PATH. */
  fd: number;
  /** The folder was made, in this one. */
  made?: { name: string; parent: number };
  /** The folders above it that were made as well: the lowest and the uppermost. */
  madeAbove?: { lowest: string; uppermost: string };
}

/** Throws Failure where it is missing, no folder or in use by isomount. */
export function openMountpoint(name: string): Mountpoint {
  // As of an unset variable: resolved, it would be the working directory.
  if (name === "") throw usage("the mountpoint's name is empty");
  const path = resolve(name);
  // By comparing strings first: opening a path inside a mount whose server is gone would wait.
  refuseIfUsed(path);
  let fd: number;
  try {
    fd = openSync(path, O_PATH | constants.O_DIRECTORY);
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT") {
      const hint = hintOfMissing(path) ?? "mkdir it, or leave it out";
      throw failed(`mountpoint ${path} does not exist`, error, hint);
    }
    const reason = code === "ENOTDIR" ? "it is not a folder" : reasonOf(error);
    throw failed(`mountpoint ${path} cannot be used: ${reason}`, error);
  }
  try {
    const real = readlinkSync(`/proc/self/fd/${fd}`);
    if (real !== path) refuseIfUsed(real);
    return { path: real, fd };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function refuseIfUsed(path: string): void {
  const used = ourMounts().find((mount) => mount.mountpoint === path);
  if (used === undefined) return;
  const problem = Object.assign(new Error(), { code: "EBUSY" });
  throw failed(
    `mountpoint ${path} is in use: ${used.source} is mounted there`,
    problem,
    "unmount it first: isomount umount MOUNTPOINT",
  );
}

/** Where a folder is to be made for a mount. */
export interface Place {
  /** The folder that it is to lie in. O_PATH. */
  parent: number;
  /** Named after the volume, or after the image where the volume has no name. */
  name: string;
  madeAbove?: Mountpoint["madeAbove"];
}

export function openPlace(label: string, imageStem: string, folder = defaultFolder()): Place {
  let madeAbove: Mountpoint["madeAbove"];
  try {
    const uppermost = mkdirSync(folder, { recursive: true, mode: 0o755 });
    if (uppermost !== undefined) madeAbove = { lowest: folder, uppermost };
    accessSync(folder, constants.W_OK | constants.X_OK);
    const parent = openSync(folder, O_PATH | constants.O_DIRECTORY);
    return { parent, name: folderName(label) || folderName(imageStem) || "image", madeAbove };
  } catch (error) {
    throw failed(
      `cannot make a mountpoint in ${folder}: ${reasonOf(error)}`,
      error,
      "name a mountpoint",
    );
  }
}

/** Unused, it takes the folders with it that were made for it. */
export function closePlace({ parent, madeAbove }: Place, isUsed: boolean): void {
  closeSync(parent);
  if (!isUsed) removeAbove(madeAbove);
}

/** By this process itself, where the daemon does not. */
export function makeMountpoint(
  label: string,
  imageStem: string,
  folder = defaultFolder(),
): Mountpoint {
  const place = openPlace(label, imageStem, folder);
  const { parent, madeAbove } = place;
  try {
    const name = makeFolder(parent, place.name, folder);
    const fd = openBeneath(parent, name, O_PATH | constants.O_DIRECTORY);
    makeEjectAlias(parent, name);
    return {
      path: join(readlinkSync(`/proc/self/fd/${parent}`), name),
      fd,
      made: { name, parent },
      madeAbove,
    };
  } catch (error) {
    closePlace(place, false);
    throw error;
  }
}

/** Takes back what `makeMountpoint` made, after a mount that failed. */
export function removeMade({ made, madeAbove }: Mountpoint): void {
  if (made === undefined) return;
  removeEjectAlias(made.parent, made.name);
  try {
    rmdirSync(`/proc/self/fd/${made.parent}/${made.name}`);
  } catch (error) {
    // Gone already, or mounted after all: the daemon's to remove.
    const code = codeOf(error);
    if (code !== "ENOENT" && code !== "EBUSY") throw error;
  }
  removeAbove(madeAbove);
}

/** As far as nobody has put anything else there meanwhile. */
function removeAbove(made: Mountpoint["madeAbove"]): void {
  if (made !== undefined) removeEmptyFolders(made.lowest, [dirname(made.uppermost)]);
}

export function closeMountpoint({ fd, made }: Mountpoint): void {
  closeSync(fd);
  if (made !== undefined) closeSync(made.parent);
}

/** The name that was free. */
function makeFolder(parent: number, wanted: string, folder: string): string {
  for (let number = 1; number <= MAX_NAMESAKES; number++) {
    const name = number === 1 ? wanted : `${wanted} ${number}`;
    try {
      mkdirSync(`/proc/self/fd/${parent}/${name}`, { mode: 0o755 });
      return name;
    } catch (error) {
      if (codeOf(error) === "EEXIST") continue;
      throw failed(
        `cannot make ${join(folder, name)}: ${reasonOf(error)}`,
        error,
        "name a mountpoint",
      );
    }
  }
  throw failed(
    `${folder} has ${MAX_NAMESAKES} folders named ${wanted}`,
    undefined,
    "name a mountpoint",
  );
}

/** A label as a folder name: visible, one line, `/` as what looks like it. Empty where nothing is left. */
export function folderName(label: string): string {
  let name = label
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")
    // What reads the same: U+2215 DIVISION SLASH.
    .replaceAll("/", "\u2215")
    .trim()
    // Neither hidden nor `.` or `..`.
    .replace(/^\.+/, "");
  // Lone surrogates have no UTF-8: they become U+FFFD.
  name = Buffer.from(name).toString();
  while (Buffer.byteLength(name) > MAX_NAME_BYTES) name = [...name].slice(0, -1).join("");
  return name.trim();
}
