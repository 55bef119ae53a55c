/** Reaching the daemon of this user. */
import { existsSync, readdirSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import {
  checkRuntimeFolder,
  controlSocket,
  ensureRuntimeFolder,
  runtimeFolder,
} from "../rpc/runtime-folder.js";
import { Connection } from "./connection.js";
import { codeOf, reasonOf, systemFailure } from "./failure.js";
import { program } from "./installation.js";

/** Where mounts outlived their daemon, the next one is started: it knows them by their records. */
export async function connectIfNeeded(folder = runtimeFolder()): Promise<Connection | undefined> {
  const running = connectIfRunning(folder);
  if (running !== undefined || !hasRecords(folder)) return running;
  return connect(folder);
}

function hasRecords(folder: string): boolean {
  return (
    existsSync(folder) && readdirSync(folder).some((name) => /^m\d+\.(json|mounting)$/.test(name))
  );
}

/** Undefined where no daemon runs. */
export function connectIfRunning(folder = runtimeFolder()): Connection | undefined {
  if (!safely(() => checkRuntimeFolder(folder))) return undefined;
  const path = controlSocket(folder);
  try {
    return Connection.open(path);
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT" || code === "ECONNREFUSED") return undefined;
    throw systemFailure(`cannot reach isomountd at ${path}: ${reasonOf(error)}`, error);
  }
}

/**
 * The keeper may have started another at the same moment, which says that it is running before it
 * listens.
 */
const LISTEN_MILLISECONDS = 30_000;
const RETRY_MILLISECONDS = 50;

/** Starts the daemon where none runs. */
export async function connect(
  folder = runtimeFolder(),
  isomountd = program("isomountd"),
): Promise<Connection> {
  const running = connectIfRunning(folder);
  if (running !== undefined) return running;
  safely(() => ensureRuntimeFolder(folder));
  // Loaded only here: it is seldom needed.
  const { startDaemon } = await import("./start-daemon.js");
  for (const deadline = performance.now() + LISTEN_MILLISECONDS; ; ) {
    startDaemon(isomountd, folder);
    const started = connectIfRunning(folder);
    if (started !== undefined) return started;
    if (performance.now() > deadline) break;
    await pause(RETRY_MILLISECONDS);
  }
  throw systemFailure(
    "isomountd started and ended again",
    undefined,
    `see ${folder}/isomountd.log`,
  );
}

function safely<T>(use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw systemFailure(`the runtime folder cannot be used: ${(error as Error).message}`, error);
  }
}
