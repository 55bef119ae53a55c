/**
 * Names in encrypted directories as Linux shows them while the key is absent: base64url over the
 * directory hash and the encrypted name.
 *
 * Linux `Documentation/filesystems/fscrypt.rst`, "Without the key".
 */
import { createHash } from "node:crypto";
import type { MapContext } from "./block-map.js";
import { hashName } from "./directory-hash.js";
import { Compat } from "./features.js";
import type { OpenFile } from "./file-contents.js";
import { InodeFlag } from "./inode.js";

/** More of a name than this does not fit 255 characters of base64: the rest becomes a SHA-256. */
const STORED_BYTES = 149;

export function noKeyName(context: MapContext, directory: OpenFile, encrypted: Uint8Array): string {
  const header = new DataView(new ArrayBuffer(8));
  const hash = directoryHash(context, directory, encrypted);
  header.setUint32(0, hash?.hash ?? 0, true);
  header.setUint32(4, hash?.minorHash ?? 0, true);
  const parts = [new Uint8Array(header.buffer), encrypted.subarray(0, STORED_BYTES)];
  if (encrypted.length > STORED_BYTES) {
    parts.push(createHash("sha256").update(encrypted.subarray(STORED_BYTES)).digest());
  }
  return Buffer.concat(parts).toString("base64url");
}

/** Linux walks a directory by hash, and so knows it, wherever the filesystem indexes directories. */
function directoryHash(context: MapContext, directory: OpenFile, encrypted: Uint8Array) {
  const { superblock } = context;
  const { inode } = directory;
  if ((superblock.featureCompat & Compat.dir_index) === 0) return undefined;
  const indexed = (inode.flags & InodeFlag.index) !== 0;
  const oneBlock = inode.size === superblock.blockSize || directory.inline !== undefined;
  if (!indexed && !oneBlock) return undefined;
  return hashName(encrypted, superblock.defaultHashVersion, superblock);
}
