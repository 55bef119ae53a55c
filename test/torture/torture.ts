/**
 * Readers compare every byte of mounted images while servers and the daemon are killed at random:
 * there must be no error, no wrong byte, and at the end nothing left over.
 */
import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Isomount } from "../support/isomount.js";

const readerScript = resolve(fileURLToPath(import.meta.url), "../reader.py");

export interface TortureOptions {
  isomount: Isomount;
  source: string;
  images: readonly string[];
  seconds: number;
  /** On a busy machine it goes on for longer, to kill that many servers at least. */
  minKills: number;
  tell(text: string): void;
}

export interface TortureResult {
  serversKilled: number;
  daemonsKilled: number;
  restarts: number;
  reads: number;
  bytes: number;
  errors: string[];
  wrong: string[];
}

interface ReaderResult {
  reads: number;
  bytes: number;
  errors: string[];
  wrong: string[];
}

export async function torture(options: TortureOptions): Promise<TortureResult> {
  const { isomount, source, images, seconds, minKills, tell } = options;
  const mounts = images.map((image) => isomount.mount(image));
  const stop = join(isomount.folder, "stop");
  const readers = mounts.map((mount, seed) => startReader(source, mount, stop, seed));
  const result: TortureResult = {
    serversKilled: 0,
    daemonsKilled: 0,
    restarts: 0,
    reads: 0,
    bytes: 0,
    errors: [],
    wrong: [],
  };
  try {
    const end = Date.now() + seconds * 1000;
    while (Date.now() < end || result.serversKilled < minKills) {
      await pause(50 + Math.random() * 250);
      const luck = Math.random();
      if (luck < 0.8) killServer(isomount, result);
      else await replaceDaemon(isomount, result, luck < 0.95);
      tell(`${result.serversKilled} servers and ${result.daemonsKilled} daemons killed`);
    }
  } finally {
    writeFileSync(stop, "");
  }
  for (const reader of readers) {
    const { reads, bytes, errors, wrong } = await reader;
    result.reads += reads;
    result.bytes += bytes;
    result.errors.push(...errors);
    result.wrong.push(...wrong);
  }
  await settled(isomount);
  result.restarts = isomount.list().reduce((sum, { restarts }) => sum + restarts, 0);
  for (const mount of mounts) isomount.succeed("umount", mount);
  return result;
}

function killServer(isomount: Isomount, result: TortureResult): void {
  const serving = isomount.list().filter(({ state, pid }) => state === "serving" && pid > 0);
  if (serving.length === 0) return;
  const { pid } = serving[Math.floor(Math.random() * serving.length)];
  try {
    process.kill(pid, "SIGKILL");
    result.serversKilled++;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/**
 * Not while a server is being replaced: without systemd's store the daemon alone holds the mount
 * then, and its death ends it.
 */
async function replaceDaemon(
  isomount: Isomount,
  result: TortureResult,
  byForce: boolean,
): Promise<void> {
  await settled(isomount);
  const pid = isomount.daemonPid();
  if (byForce && pid !== undefined) {
    process.kill(pid, "SIGKILL");
    while (existsSync(`/proc/${pid}`)) await pause(5);
  } else isomount.succeed("daemon", "restart");
  isomount.list();
  result.daemonsKilled++;
}

async function settled(isomount: Isomount): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (isomount.list().every(({ state }) => state === "serving")) return;
    await pause(20);
  }
  throw new Error("a server was not replaced within ten seconds");
}

function startReader(
  source: string,
  mount: string,
  stop: string,
  seed: number,
): Promise<ReaderResult> {
  return new Promise((resolve, reject) => {
    const child = spawn("python3", [readerScript, source, mount, stop, String(seed)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.on("data", (part: Buffer) => {
      output += part.toString();
    });
    child.on("error", reject);
    child.on("close", (status) => {
      if (status === 0) resolve(JSON.parse(output) as ReaderResult);
      else reject(new Error(`reader of ${mount}: exit ${status}`));
    });
  });
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}
