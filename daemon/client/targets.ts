/** Finds the mounts that a person means by an id, a mountpoint or an image. */
import { realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { MountInfo } from "../rpc/protocol.js";

/**
 * The uppermost mount on a mountpoint, else every mount of an image, else the mount with the id (a
 * folder may be called `m1`, too). Empty where nothing fits.
 *
 * `resolveFolder` follows symlinks in a folder's path. It is not asked about folders inside a
 * mount, where it would wait if the server is gone.
 */
export function findTargets(
  mounts: readonly MountInfo[],
  target: string,
  resolveFolder: (folder: string) => string = realpathSync,
): MountInfo[] {
  const path = resolve(target);
  const asWritten = byPath(mounts, path);
  if (asWritten.length > 0) return asWritten;
  const resolved = withRealFolder(mounts, path, resolveFolder);
  const bySymlink = resolved === undefined ? [] : byPath(mounts, resolved);
  if (bySymlink.length > 0) return bySymlink;
  return mounts.filter((mount) => mount.id === target);
}

function withRealFolder(
  mounts: readonly MountInfo[],
  path: string,
  resolveFolder: (folder: string) => string,
): string | undefined {
  const folder = dirname(path);
  const isWithin = ({ mountpoint }: MountInfo) =>
    folder === mountpoint || folder.startsWith(`${mountpoint}/`);
  if (mounts.some(isWithin)) return undefined;
  try {
    return join(resolveFolder(folder), basename(path));
  } catch {
    // No such folder, so nothing in it is mounted.
    return undefined;
  }
}

function byPath(mounts: readonly MountInfo[], path: string): MountInfo[] {
  const there = mounts.filter((mount) => mount.mountpoint === path);
  if (there.length > 0) return there.slice(-1);
  return mounts.filter((mount) => mount.image === path);
}
