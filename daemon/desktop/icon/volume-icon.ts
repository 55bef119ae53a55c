/** Finds the icon that a mounted volume carries: `.VolumeIcon.icns`, or what `autorun.inf` names. */
import type { FileHandle } from "node:fs/promises";
import { ImageError } from "../../../image-core/errors.js";
import { codeOf } from "../../client/failure.js";
import { autorunIcon } from "./autorun.js";
import { readIcns } from "./icns.js";
import { isIco, readIco } from "./ico.js";
import { openMounted } from "./mounted-files.js";
import type { Picture } from "./picture.js";
import { findResources, isProgram, PROGRAM_HEAD_BYTES, readProgramIcon } from "./program-icon.js";

/** The largest in use have 2 MiB. */
const MAX_ICON_BYTES = 8 * 2 ** 20;
const MAX_RESOURCES_BYTES = 16 * 2 ** 20;
const MAX_AUTORUN_BYTES = 64 * 1024;

/** Undefined where it has none, or none that can be read: an icon is no reason to complain. */
export async function volumeIcon(mountpoint: string): Promise<Picture | undefined> {
  try {
    return (await appleIcon(mountpoint)) ?? (await windowsIcon(mountpoint));
  } catch (error) {
    // Damaged, in itself or in the image.
    if (error instanceof ImageError || codeOf(error) === "EIO") return undefined;
    throw error;
  }
}

async function appleIcon(mountpoint: string): Promise<Picture | undefined> {
  return withFile(mountpoint, [".VolumeIcon.icns"], async (file) =>
    readIcns(await readWhole(file, MAX_ICON_BYTES)),
  );
}

async function windowsIcon(mountpoint: string): Promise<Picture | undefined> {
  const icon = await withFile(mountpoint, ["autorun.inf"], async (file) =>
    autorunIcon(await readWhole(file, MAX_AUTORUN_BYTES)),
  );
  if (icon === undefined) return undefined;
  return withFile(mountpoint, icon.path, async (file) => {
    const head = await readPart(file, 0, PROGRAM_HEAD_BYTES);
    if (isIco(head)) return readIco(await readWhole(file, MAX_ICON_BYTES));
    const section = isProgram(head) ? findResources(head) : undefined;
    if (section === undefined) return undefined;
    const size = Math.min(section.size, MAX_RESOURCES_BYTES);
    return readProgramIcon(await readPart(file, section.offset, size), section, icon.index);
  });
}

async function withFile<T>(
  mountpoint: string,
  path: readonly string[],
  use: (file: FileHandle) => Promise<T>,
): Promise<T | undefined> {
  const file = await openMounted(mountpoint, path);
  if (file === undefined) return undefined;
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

async function readWhole(file: FileHandle, limit: number): Promise<Uint8Array> {
  const { size } = await file.stat();
  if (size > limit) throw new ImageError("limit", "icon", `it has ${size} bytes`);
  return readPart(file, 0, size);
}

/** Shorter where the file ends before. */
async function readPart(file: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}
