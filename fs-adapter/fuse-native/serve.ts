/**
 * Serving by the npm package fuse-native (libfuse 2): for machines on which /dev/fuse cannot be
 * driven directly. Mounts in this process and on its main thread (it hangs in worker threads), so
 * there is no sandbox, no adoption and no revival.
 */
import { openSync } from "node:fs";
import type { Volume } from "../../image-core/filesystem/volume.js";
import { readMountinfo } from "../mounting/mountinfo.js";
import { POLLERR, POLLPRI, type Poller } from "../system/poller.js";
import { nativeOperations, type Operations } from "./operations.js";

export interface NativeServeOptions {
  mountpoint: string;
  fsname: string;
  private: boolean;
  onError(error: unknown, operation: string, path: string): void;
}

interface FuseNative {
  mount(done: (error: Error | null) => void): void;
}

type FuseNativeConstructor = new (
  mountpoint: string,
  operations: Operations,
  options: object,
) => FuseNative;

/** What the package would read as further mount options must not come from an image's name. */
function plainName(fsname: string): string {
  return fsname.replace(/[,\\]/g, "_");
}

/** Resolves when mounted. Throws where the package, libfuse 2 or fusermount is missing. */
export async function mountNative(volume: Volume, options: NativeServeOptions): Promise<void> {
  const Fuse = await loadLibrary();
  const fuse = new Fuse(options.mountpoint, nativeOperations(volume, options.onError), {
    fsname: plainName(options.fsname),
    // The package knows no names for these, but joins what it is given with commas.
    subtype: "isomount,ro,nosuid,nodev,use_ino",
    kernelCache: true,
    entryTimeout: 86_400,
    attrTimeout: 86_400,
    maxRead: 128 * 1024,
    timeout: false,
    ...(options.private ? {} : { allowOther: true, defaultPermissions: true }),
  });
  await new Promise<void>((resolve, reject) => {
    fuse.mount((error) => (error ? reject(error) : resolve()));
  });
}

async function loadLibrary(): Promise<FuseNativeConstructor> {
  try {
    return ((await import("fuse-native")) as { default: unknown }).default as FuseNativeConstructor;
  } catch (error) {
    throw new Error(
      `the optional package fuse-native cannot be loaded: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

/** Resolves when nothing of ours is mounted there any more: the package itself does not tell. */
export function unmountedNative(mountpoint: string, poller: Poller): Promise<void> {
  // proc(5): the file becomes ready with POLLPRI and POLLERR whenever a mount comes or goes.
  const mountinfo = openSync("/proc/self/mountinfo", "r");
  return new Promise((resolve) => {
    const look = () => {
      const there = readMountinfo().some(
        (entry) => entry.mountpoint === mountpoint && entry.type.endsWith("isomount"),
      );
      if (there) poller.watch(mountinfo, POLLPRI | POLLERR, look);
      else resolve();
    };
    look();
  });
}
