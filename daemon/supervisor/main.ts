/** isomountd: starts the supervisor, listens, and says `ready` to whoever started it. */
import "../no-debugger.js";
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  rmSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { filterForNode, filterObstacle } from "../../fs-adapter/seccomp/install.js";
import { isClosingForeign } from "../../fs-adapter/system/close-foreign.js";
import { errno, exitAtOnce, flock } from "../../fs-adapter/system/libc.js";
import { Poller } from "../../fs-adapter/system/poller.js";
import { acceptUnix, listenUnix, setNonBlocking } from "../../fs-adapter/system/unix-socket.js";
import { type Configuration, ConfigurationError } from "../configuration/configuration.js";
import { LiveSettings } from "../configuration/live-settings.js";
import { controlSocket, ensureRuntimeFolder } from "../rpc/runtime-folder.js";
import { Clients } from "./clients.js";
import { lackOfDescriptors } from "./descriptor-limit.js";
import { DescriptorStore } from "./descriptor-store.js";
import { GroupSocket } from "./group-socket.js";
import { closeInherited } from "./inherited.js";
import { KeeperProcess } from "./keeper-process.js";
import { Listener } from "./listener.js";
import { DaemonLog, lineStart } from "./log.js";
import { MethodTable } from "./methods.js";
import { MetricsSocket } from "./metrics-socket.js";
import { findSandbox } from "./sandbox.js";
import { StateFolder } from "./state-record.js";
import { Supervisor } from "./supervisor.js";
import { passedDescriptors, ServiceManager } from "./systemd.js";

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;
const EWOULDBLOCK = 11;
/** sysexits.h: the configuration is wrong. The unit takes it for final. */
const EX_CONFIG = 78;
const LOCK_PAUSE_MILLISECONDS = 20;
const LOCK_WAIT_MILLISECONDS = 3_000;

/** Where the starter waits for a word: a pipe, if it made one. */
const READY_FD = 3;
const hasStarter = process.env.LISTEN_FDS === undefined && isPipe(READY_FD);

function isPipe(fd: number): boolean {
  try {
    return fstatSync(fd).isFIFO();
  } catch {
    return false;
  }
}

function tellStarter(word: string): void {
  if (!hasStarter) return;
  try {
    writeSync(READY_FD, `${word}\n`);
  } catch (error) {
    // The command was interrupted, or has given up: others wait for this daemon, and its mounts do.
    if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
  }
  closeSync(READY_FD);
}

function giveUp(reason: string, status = 1): never {
  writeSync(2, `${lineStart("error")}isomountd: ${reason}\n`);
  // Last: whoever is told may look into the log at once.
  tellStarter(reason);
  process.exit(status);
}

/** Until the daemon is up, a hang-up is no more than a wish to read what is about to be read. */
let hangUp = () => {};
process.on("SIGHUP", () => hangUp());

closeInherited(hasStarter ? 1 : Number(process.env.LISTEN_FDS ?? 0));
const folder = ensureRuntimeFolder();
// Held until this process ends, however it ends.
const lock = openSync(join(folder, "isomountd.lock"), constants.O_RDWR | constants.O_CREAT, 0o600);
// What clears old files out of /tmp leaves a folder alone that is locked (systemd-tmpfiles).
flock(openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY), LOCK_SH | LOCK_NB);
const passed = passedDescriptors(process.env);
const lockProblem = takeLock();
if (lockProblem !== undefined) giveUp(lockProblem);

const lack = lackOfDescriptors(new StateFolder(folder).load(() => {}));
if (lack !== undefined) giveUp(lack, EX_CONFIG);

/**
 * Undefined where it is ours. A daemon that has removed its socket is on its way out: its lock is
 * waited for. A socket of systemd's stays, whoever is on the way out.
 */
function takeLock(): string | undefined {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; flock(lock, LOCK_EX | LOCK_NB) < 0; waited += LOCK_PAUSE_MILLISECONDS) {
    if (errno() !== EWOULDBLOCK) return `cannot lock ${folder}/isomountd.lock`;
    const isLeaving = passed.has("control") || !existsSync(controlSocket(folder));
    if (!isLeaving || waited > LOCK_WAIT_MILLISECONDS) {
      return `already running: another isomountd serves ${folder}`;
    }
    Atomics.wait(pause, 0, 0, LOCK_PAUSE_MILLISECONDS);
  }
  return undefined;
}

const { settings, log } = configured(() => {
  const live = new LiveSettings(apply);
  return { settings: live, log: new DaemonLog(live.current) };
});
const poller = new Poller();
const admitGuest = (fd: number, id: number) => clients.admitGuest(fd, id);
const group = new GroupSocket(poller, log, admitGuest, passed.get("group")?.[0]);
configured(() => group.configure(settings.current));
passed.delete("group");
const sandbox = findSandbox(filterForNode());
if (sandbox.missing) log.warn(sandbox.missing);
if (filterObstacle()) log.warn("servers have no system-call filter here: isomount doctor says why");
// Whoever has started us by hand may be a service, but we are not that service.
const environment = hasStarter ? {} : process.env;
const manager = new ServiceManager(environment, (message) => log.warn(message));
const store = await findStore();
const supervisor = new Supervisor(poller, sandbox, folder, log, manager, store, settings);
const warn = (message: string) => log.warn(message);
const metrics = new MetricsSocket(poller, folder, () => supervisor.metrics(), warn);
const methods = new MethodTable(supervisor, { leave, shutdown: stop, reload });
const clients = new Clients(poller, methods, log);

const socketPath = controlSocket(folder);
const activatedBySocket = passed.has("control");
const listener = new Listener(poller, listenForClients(), (fd) => clients.admitOwner(fd), warn);
await supervisor.takeOver();
listener.accept();
group.accept();
log.info(`listening on ${[socketPath, group.place].filter(Boolean).join(" and ")}`);
tellStarter("ready");
manager.ready();

/** A configuration that is wrong is no reason to guess. */
function configured<T>(use: () => T): T {
  try {
    return use();
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    // systemd would start the daemon again and again for those whom nobody has taken in.
    for (const name of ["control", "group"]) for (const fd of passed.get(name) ?? []) refuseAll(fd);
    return giveUp(error.message, EX_CONFIG);
  }
}

function refuseAll(listener: number): void {
  setNonBlocking(listener);
  for (let fd = acceptUnix(listener); fd !== undefined; fd = acceptUnix(listener)) closeSync(fd);
}

function apply(configuration: Readonly<Configuration>): void {
  group.configure(configuration);
  log.configure(configuration);
}

/** Throws ConfigurationError, and all is as before then. */
function reload(): void {
  manager.reloading();
  try {
    settings.reload();
    log.info("the configuration was read again");
  } catch (error) {
    log.error(`the configuration stays as it was: ${(error as Error).message}`);
    throw error;
  } finally {
    manager.reloaded();
  }
}

async function findStore(): Promise<DescriptorStore> {
  if (manager.hasStore) return new DescriptorStore(manager, passed);
  const keeper = new KeeperProcess(poller, folder, log);
  return new DescriptorStore(keeper, await keeper.recover());
}

/** On the socket that systemd listens on already, if it does; else on one of our own. */
function listenForClients(): number {
  const [activated] = passed.get("control") ?? [];
  passed.delete("control");
  if (activated !== undefined) {
    setNonBlocking(activated);
    return activated;
  }
  // The lock is ours: whoever made this socket is dead.
  removeStale(socketPath);
  return listenUnix(socketPath, "stream", 1024);
}

function removeStale(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** Nobody reaches this daemon from here on. */
function leave(): void {
  // systemd's own socket stays, so that the next request starts the next daemon.
  if (!activatedBySocket) rmSync(socketPath, { force: true });
}

function stop(): void {
  manager.stopping();
  leave();
  group.remove();
  metrics.remove();
  supervisor.end();
  log.info("stopped");
  // A thread of the pool waits in poll(2), and exit waits for the pool: it is woken first.
  poller.close();
  // Nor would exit come back from a file whose filesystem does not answer; the lock would be held on.
  if (isClosingForeign()) {
    flock(lock, LOCK_UN);
    exitAtOnce(0);
  }
  process.exit(0);
}

// A mount is a promise: the daemon may be told to end, its mounts go on.
process.on("SIGTERM", () => supervisor.settle().then(stop));
process.on("SIGINT", () => supervisor.settle().then(stop));
hangUp = () => {
  try {
    reload();
  } catch (error) {
    // Told in the log: a signal has nobody to tell it to.
    if (!(error instanceof ConfigurationError)) throw error;
  }
};
