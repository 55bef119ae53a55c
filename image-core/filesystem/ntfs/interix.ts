/**
 * Special files as Services for Unix, and after it ntfs-3g, store them: small files with the
 * `system` attribute whose contents say what they are.
 */
import { S_IFBLK, S_IFCHR, S_IFIFO, S_IFLNK, S_IFSOCK } from "../volume.js";
import { le32 } from "./little-endian.js";
import type { NtfsFile } from "./ntfs-file.js";
import type { Stream } from "./stream.js";
import { utf16Units } from "./utf16-units.js";

const FILE_ATTRIBUTE_HIDDEN = 0x2;
const FILE_ATTRIBUTE_SYSTEM = 0x4;
const MAGIC_SIZE = 8;
/** The magic and a path of 4096 UTF-16 units. */
const MAX_SIZE = MAGIC_SIZE + 2 * 4096;
const DEVICE_SIZE = MAGIC_SIZE + 16;

/** What such a file changes of what a plain one would be; nothing for a plain one. */
export function interixFile(data: Stream, flags: number): Partial<NtfsFile> {
  if ((flags & FILE_ATTRIBUTE_SYSTEM) === 0 || data.size > MAX_SIZE || data.isEncrypted) return {};
  if ((flags & FILE_ATTRIBUTE_HIDDEN) === 0) {
    if (data.size === 0) return { type: S_IFIFO };
    if (data.size === 1) return { type: S_IFSOCK, size: 0 };
  }
  if (data.size <= MAGIC_SIZE) return {};
  const bytes = data.readAll(MAX_SIZE);
  const magic = String.fromCharCode(...bytes.subarray(0, MAGIC_SIZE));
  if (magic === "IntxLNK\x01") {
    const [target] = utf16Units(bytes, MAGIC_SIZE, (bytes.length - MAGIC_SIZE) >>> 1).split("\0");
    return { type: S_IFLNK, link: { kind: "linux", target } };
  }
  if (bytes.length >= DEVICE_SIZE && (magic === "IntxCHR\0" || magic === "IntxBLK\0")) {
    return {
      type: magic === "IntxCHR\0" ? S_IFCHR : S_IFBLK,
      size: 0,
      rdevMajor: le32(bytes, MAGIC_SIZE),
      rdevMinor: le32(bytes, MAGIC_SIZE + 8),
    };
  }
  return {};
}
