/** Finds the mounts that a person means by an id, a mountpoint or an image. */
import { realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { MountInfo } from "../rpc/protocol.js";

/**
 * The uppermost mount on a mountpoint; every mount of an image. Empty where nothing fits.
 *
 * `resolveFolder` follows symlinks in a folder's path. It is not asked about folders inside a
 * mount, where it would wait if the server is gone.
 */
export function findTargets(
  mounts: readonly MountInfo[],
  target: string,
  resolveFolder: (folder: string) => string = realpathSync,
): MountInfo[] {
  const byId = mounts.filter((mount) => mount.id === target);
  if (byId.length > 0) return byId;
  const path = resolve(target);
  const asWritten = byPath(mounts, path);
  if (asWritten.length > 0) return asWritten;
  const folder = dirname(path);
  if (
    mounts.some(({ mountpoint }) => folder === mountpoint || folder.startsWith(`${mountpoint}/`))
  ) {
    return [];
  }
  try {
    return byPath(mounts, join(resolveFolder(folder), basename(path)));
  } catch {
    // No such folder, so nothing in it is mounted.
    return [];
  }
}

function byPath(mounts: readonly MountInfo[], path: string): MountInfo[] {
  const there = mounts.filter((mount) => mount.mountpoint === path);
  if (there.length > 0) return there.slice(-1);
  return mounts.filter((mount) => mount.image === path);
}
