/**
 * What a supervisor does with the mounts of the one before it: those whose servers live are adopted,
 * those whose servers died with it are served again by what systemd or the keeper kept, and of the
 * rest nothing is left behind.
 */
import { readdirSync, rmSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { isConnected } from "../../fs-adapter/dev-fuse/connected.js";
import { abortConnection } from "../../fs-adapter/mounting/abort.js";
import { FILESYSTEM_TYPE, unmountDevice, unmountFuse } from "../../fs-adapter/mounting/mount.js";
import { type MountEntry, readMountinfo } from "../../fs-adapter/mounting/mountinfo.js";
import { closeForeign } from "../../fs-adapter/system/close-foreign.js";
import { SystemError } from "../../fs-adapter/system/libc.js";
import type { Poller } from "../../fs-adapter/system/poller.js";
import { AdoptedServer, type Belongings } from "./adopted-server.js";
import type { DescriptorStore } from "./descriptor-store.js";
import { bringDown, isEnding, killProcess } from "./known-process.js";
import type { Log } from "./log.js";
import { removeMadeFolder, reopenMadeFolder } from "./made-folder.js";
import { type MountAttempts, mountOf } from "./mount-attempts.js";
import {
  NODE_ID_VERSION,
  parseRecord,
  type StateFolder,
  type StateRecord,
} from "./state-record.js";

export interface TakeoverOptions {
  poller: Poller;
  /** The runtime folder. */
  folder: string;
  state: StateFolder;
  attempts: MountAttempts;
  store: DescriptorStore;
  log: Log;
  /** Carries on with a mount, by the server that serves it or, without one, by a new one. */
  restore(record: StateRecord, belongings: Belongings, server?: AdoptedServer): void;
}

/** Returns the ids of the records that were found, whatever became of them. */
export async function takeOver(options: TakeoverOptions): Promise<string[]> {
  const { store } = options;
  const { records, foreign } = loadRecords(options);
  removeStaleFiles(options.folder, records);
  const there = readMountinfo();
  // At once: a server that has to be asked, or waited for, keeps no other mount waiting.
  await Promise.all(
    records.map(async (record) => {
      const stored = store.take(record);
      // Unmounted lazily, it lies nowhere, and lives on while a file of it is open.
      const isOpen = stored !== undefined && isConnected(stored.fuse);
      const mountpoint = whereMounted(record, there) ?? (isOpen ? record.mountpoint : undefined);
      if (mountpoint === undefined) {
        if (stored !== undefined) release(stored);
        return discard(record, options);
      }
      const { log } = options;
      try {
        await carryOn({ ...record, mountpoint }, stored, options);
      } catch (error) {
        log.error(`${mountpoint}: ${(error as Error).message}; unmounting`);
        // Nobody will answer its readers.
        abortConnection(record.device);
        await unmountFuse(mountpoint, true).catch((failure: Error) => log.error(failure.message));
        discard(record, options);
      }
    }),
  );
  await endAttempts(records, there, options);
  store.closeRest(foreign);
  return [...records.map(({ id }) => id), ...foreign];
}

/** `foreign`: those that cannot be read, by id. They are some other version's to carry on with. */
function loadRecords({ state, store, log }: TakeoverOptions) {
  const records = new Map<string, StateRecord>();
  const foreign = new Set<string>();
  const leaveAlone = (id: string, reason: string) => {
    log.warn(`${id}.json is left alone: ${reason}`);
    foreign.add(id);
  };
  for (const record of state.load(leaveAlone)) records.set(record.id, record);
  // Later than what lies on disk.
  for (const [id, text] of store.takeRecords()) {
    try {
      records.set(id, parseRecord(text, id));
    } catch (error) {
      leaveAlone(id, (error as Error).message);
    }
  }
  return { records: [...records.values()].sort((a, b) => a.since - b.since), foreign };
}

/** The supervisor before died while it mounted: nobody will serve what came of it. */
async function endAttempts(
  records: readonly StateRecord[],
  there: readonly MountEntry[],
  { attempts, log }: TakeoverOptions,
): Promise<void> {
  const known = new Set(records.map(({ device }) => device));
  const recorded = new Set(records.map(({ id }) => id));
  for (const attempt of attempts.load()) {
    const mount = mountOf(attempt, there, known);
    if (mount !== undefined) {
      log.warn(`${mount.mountpoint}: isomountd died while it mounted this; unmounting`);
      await unmountDevice(mount.device, mount.mountpoint, true).catch((error: Error) =>
        log.error(error.message),
      );
    }
    const end = () => attempts.end(attempt.id);
    if (recorded.has(attempt.id)) end();
    else clearFolder(attempt, log, end);
  }
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

async function carryOn(
  record: StateRecord,
  stored: Belongings | undefined,
  options: TakeoverOptions,
): Promise<void> {
  let server: AdoptedServer | undefined;
  try {
    if (record.nodeIdVersion !== NODE_ID_VERSION) {
      throw new Error("was mounted by a version that numbers objects differently");
    }
    server = record.asleep ? undefined : await findServer(record, options);
  } catch (error) {
    if (stored !== undefined) release(stored);
    throw error;
  }
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

/** Nobody will use them. */
function release({ fuse, slots, image, met }: Belongings): void {
  closeForeign([fuse, slots, image, ...met.flatMap(({ supply }) => supply.fd ?? [])]);
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
  store.forget(record.id, record.needs.length);
  clearFolder(record, log, () => state.remove(record.id));
}

/** Waits for nothing: the folder may lie where nobody answers. */
function clearFolder(of: Pick<StateRecord, "made" | "uid">, log: Log, done: () => void): void {
  const made = reopenMadeFolder(of);
  if (made === undefined) return done();
  void removeMadeFolder(made, (text) => log.warn(text)).then(done);
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
