/** isomountd: starts the supervisor, listens, and says `ready` to whoever started it. */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { errno, flock } from "../../fs-adapter/system/libc.js";
import { POLLIN, Poller } from "../../fs-adapter/system/poller.js";
import {
  acceptUnix,
  listenUnix,
  peerCredentials,
  setNonBlocking,
} from "../../fs-adapter/system/unix-socket.js";
import { controlSocket, ensureRuntimeFolder } from "../rpc/runtime-folder.js";
import { DescriptorStore } from "./descriptor-store.js";
import { closeInherited } from "./inherited.js";
import { createLog } from "./log.js";
import { MethodTable } from "./methods.js";
import { RpcConnection } from "./rpc-connection.js";
import { findSandbox } from "./sandbox.js";
import { Supervisor } from "./supervisor.js";
import { passedDescriptors, ServiceManager } from "./systemd.js";

const LOCK_EX = 2;
const LOCK_NB = 4;
const EWOULDBLOCK = 11;
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
  writeSync(READY_FD, `${word}\n`);
  closeSync(READY_FD);
}

function giveUp(reason: string): never {
  tellStarter(reason);
  writeSync(2, `isomountd: ${reason}\n`);
  process.exit(1);
}

closeInherited(hasStarter ? 1 : Number(process.env.LISTEN_FDS ?? 0));
const folder = ensureRuntimeFolder();
// Held until this process ends, however it ends.
const lock = openSync(join(folder, "isomountd.lock"), constants.O_RDWR | constants.O_CREAT, 0o600);
const passed = passedDescriptors(process.env);
const lockProblem = takeLock();
if (lockProblem !== undefined) giveUp(lockProblem);

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

const log = createLog();
const poller = new Poller();
const sandbox = findSandbox();
if (sandbox.missing) log.warn(sandbox.missing);
const manager = new ServiceManager(process.env, (message) => log.warn(message));
const store = new DescriptorStore(manager, passed);
const supervisor = new Supervisor(poller, sandbox, folder, log, manager, store);
const methods = new MethodTable(supervisor, stop);
const connections = new Set<RpcConnection>();

/** A daemon that a thousand broken clients connect to still answers the next one. */
const MAX_CONNECTIONS = 4096;

const socketPath = controlSocket(folder);
const activatedBySocket = passed.has("control");
const listener = listenForClients();
await supervisor.takeOver();
accept();
log.info(`listening on ${socketPath}`);
tellStarter("ready");
manager.ready();

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

function accept(): void {
  for (let fd = acceptUnix(listener); fd !== undefined; fd = acceptUnix(listener)) {
    const peer = peerCredentials(fd);
    if (
      (peer.uid !== process.getuid?.() && peer.uid !== 0) ||
      connections.size >= MAX_CONNECTIONS
    ) {
      log.warn(`refused a connection from user ${peer.uid} (process ${peer.pid})`);
      closeSync(fd);
      continue;
    }
    const connection = new RpcConnection(poller, fd, peer, {
      request: (request) => methods.call(request),
      closed: (closed) => {
        connections.delete(closed);
        methods.closed(closed);
      },
    });
    connections.add(connection);
  }
  poller.watch(listener, POLLIN, accept);
}

function stop(): void {
  manager.stopping();
  // systemd's own socket stays, so that the next request starts the next daemon.
  if (!activatedBySocket) unlinkSync(socketPath);
  log.info("stopped");
  // A thread of the pool waits in poll(2), and exit waits for the pool: it is woken first.
  poller.close();
  process.exit(0);
}

// A mount is a promise: the daemon may be told to end, its mounts go on.
process.on("SIGTERM", () => supervisor.settle().then(stop));
process.on("SIGINT", () => supervisor.settle().then(stop));
