/**
 * What a supervisor does with the mounts of the one before it: those whose servers live are adopted,
 * those whose servers died with it are served again by what systemd or the keeper kept, and of the
 * rest nothing is left behind.
 */
import { readdirSync, rmSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { abortConnection } from "../../fs-adapter/mounting/abort.js";
import { FILESYSTEM_TYPE, unmountFuse } from "../../fs-adapter/mounting/mount.js";
import { type MountEntry, readMountinfo } from "../../fs-adapter/mounting/mountinfo.js";
import { SystemError } from "../../fs-adapter/system/libc.js";
import type { Poller } from "../../fs-adapter/system/poller.js";
import { AdoptedServer, type Belongings } from "./adopted-server.js";
import type { DescriptorStore } from "./descriptor-store.js";
import { bringDown, isEnding, killProcess } from "./known-process.js";
import type { Log } from "./log.js";
import { removeMadeFolder, reopenMadeFolder } from "./made-folder.js";
import { NODE_ID_VERSION, type StateFolder, type StateRecord } from "./state-record.js";

export interface TakeoverOptions {
  poller: Poller;
  /** The runtime folder. */
  folder: string;
  state: StateFolder;
  store: DescriptorStore;
  log: Log;
  /** Carries on with a mount, by the server that serves it or, without one, by a new one. */
  restore(record: StateRecord, belongings: Belongings, server?: AdoptedServer): void;
}

/** Returns the records that were found, whatever became of them. */
export async function takeOver(options: TakeoverOptions): Promise<StateRecord[]> {
  const { state, log, store } = options;
  const records = state.load((file, reason) => log.warn(`${file} is left alone: ${reason}`));
  removeStaleFiles(options.folder, records);
  const there = readMountinfo();
  // At once: a server that has to be asked, or waited for, keeps no other mount waiting.
  await Promise.all(
    records.map(async (record) => {
      const mountpoint = whereMounted(record, there);
      if (mountpoint === undefined) return discard(record, options);
      try {
        await carryOn({ ...record, mountpoint }, options);
      } catch (error) {
        log.error(`${mountpoint}: ${(error as Error).message}; unmounting`);
        // Nobody will answer its readers.
        abortConnection(record.device);
        await unmountFuse(mountpoint, true).catch((failure: Error) => log.error(failure.message));
        discard(record, options);
      }
    }),
  );
  store.closeRest();
  return records;
}

/**
 * Elsewhere than before, if a folder above was renamed. A device's number is used again after its
 * mount is gone: what is mounted from another image is another mount.
 */
function whereMounted(record: StateRecord, there: readonly MountEntry[]): string | undefined {
  const { mountpoint, device, source } = record;
  const ours = there.filter((entry) => entry.device === device && entry.type === FILESYSTEM_TYPE);
  const usual = ours.find((entry) => entry.mountpoint === mountpoint);
  return (usual ?? ours.find((entry) => entry.source === source))?.mountpoint;
}

async function carryOn(record: StateRecord, options: TakeoverOptions): Promise<void> {
  if (record.nodeIdVersion !== NODE_ID_VERSION) {
    throw new Error("was mounted by a version that numbers objects differently");
  }
  const stored = options.store.take(record);
  const server = record.asleep ? undefined : await findServer(record, options);
  if (server === undefined) {
    if (stored === undefined) throw new Error("its server died together with isomountd");
    options.restore(record, stored);
    const what = record.asleep ? "still asleep" : "its server has died";
    options.log.info(`${record.image}: mounted on ${record.mountpoint}, ${what}`);
    return;
  }
  // What was kept for us is ours beyond doubt; a server's word is needed only without it.
  const belongings = stored ?? (await server.takeOver(record));
  options.restore(record, belongings, server);
  options.log.info(`${record.image}: still mounted on ${record.mountpoint}`);
}

/** Undefined where there is none, or none that answers any more: another may take its place then. */
async function findServer(
  record: StateRecord,
  { poller }: TakeoverOptions,
): Promise<AdoptedServer | undefined> {
  const server = connectTo(record, poller);
  if (server !== undefined && !isEnding(record)) return server;
  if (server !== undefined && record.pid <= 0) {
    // Of an older version. Nobody could end it, so no other may take its place.
    throw new Error("the process that serves it is not known");
  }
  // What waits in the kernel holds the socket of a server that has been killed, too.
  server?.kill();
  await bringDown(record);
  return undefined;
}

function connectTo(record: StateRecord, poller: Poller): AdoptedServer | undefined {
  try {
    return new AdoptedServer(poller, record);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    rmSync(record.socketPath, { force: true });
    return undefined;
  }
}

/** What is left of a mount that is gone. */
function discard(record: StateRecord, { state, store, log }: TakeoverOptions): void {
  killProcess(record);
  rmSync(record.socketPath, { force: true });
  const made = reopenMadeFolder(record);
  if (made !== undefined) removeMadeFolder(made, (text) => log.warn(text));
  store.forget(record.id, record.needs.length);
  state.remove(record.id);
}

/** Sockets of servers that died with their supervisor, and records that it had half written. */
function removeStaleFiles(folder: string, records: readonly StateRecord[]): void {
  const known = new Set(records.map(({ socketPath }) => socketPath));
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const isSocket = /^server-\d+-\d+\.sock$/.test(name) && !known.has(path);
    if (isSocket || /^m\d+\.json\.new$/.test(name)) unlinkSync(path);
  }
}
