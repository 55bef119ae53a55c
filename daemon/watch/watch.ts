/** Watches folders until it is told to end. */
import { basename } from "node:path";
import type { MountInfo } from "../rpc/protocol.js";
import { FolderWatcher } from "./folder-watcher.js";
import { type Voice, WatchedMounts } from "./watched-mounts.js";
import { surviveBrokenLeases } from "./writer-check.js";

export interface Watch {
  /** Absolute. */
  folders: readonly string[];
  mount(image: string): Promise<MountInfo>;
  /** What was mounted stays mounted at the end. */
  keep: boolean;
  voice: Voice;
}

/** Returns after SIGTERM, SIGINT or SIGHUP; a second one ends at once. */
export async function watchFolders({ folders, mount, keep, voice }: Watch): Promise<void> {
  surviveBrokenLeases();
  const mounts = new WatchedMounts(mount, voice);
  // One after the other: mounting takes a moment, and so does what has to be undone.
  let work: Promise<void> = Promise.resolve();
  let ending = false;
  let failed: (error: unknown) => void = () => {};
  const failure = new Promise<never>((_, reject) => {
    failed = reject;
  });
  const queue = (task: () => Promise<void>) => {
    work = work.then(task).catch(failed);
  };
  const watchers = folders.map((folder): FolderWatcher => {
    const watcher: FolderWatcher = new FolderWatcher(folder, {
      arrived: (image) =>
        queue(async () => {
          if (ending) return;
          if ((await mounts.arrived(image)) === "lacks-files") watcher.lacks(basename(image));
        }),
      left: (image) => queue(() => mounts.left(image)),
      problem: (message) => voice.warn(message),
    });
    return watcher;
  });
  const told = endSignal();
  for (const watcher of watchers) {
    voice.info(`watching ${watcher.folder}`);
    watcher.start();
  }
  try {
    await Promise.race([told, failure]);
  } finally {
    ending = true;
    for (const watcher of watchers) watcher.close();
  }
  await work;
  if (!keep) await mounts.end();
}

function endSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
      process.once(signal, () => resolve());
    }
  });
}
