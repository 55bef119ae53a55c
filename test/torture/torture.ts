/**
 * Readers compare every byte of mounted images, with pauses in which servers fall asleep, while
 * servers, daemon and keeper are killed at random: there must be no error, no wrong byte, and at the
 * end nothing left over.
 */
import { readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Isomount } from "../support/isomount.js";
import { descriptors, eventually } from "../support/processes.js";
import { Happenings } from "./happenings.js";
import { Killer, type Kind } from "./killer.js";
import { Reader, type ReaderResult } from "./reader.js";
import { Victims } from "./victims.js";

/** A request that is not answered after so long never will be. */
const ANSWER_MILLISECONDS = 60_000;
const SETTLE_SECONDS = 60;
/** Between two strokes; a mount may lose sixty servers a minute. */
const MIN_PAUSE_MILLISECONDS = 20;
const MAX_PAUSE_MILLISECONDS = 500;
/** Every other mount's server sleeps as soon as one may. */
const SLEEP_OPTIONS = ["sleep-timeout=1", ""];

export interface TortureOptions {
  isomount: Isomount;
  source: string;
  images: readonly string[];
  seconds: number;
  /** On a busy machine it goes on for longer, to kill so often at least. */
  minKills: number;
  /** How many times slower the machine is than a usual one: it is given as much more time. */
  slowness: number;
  tell(text: string): void;
}

export interface TortureResult extends ReaderResult {
  seconds: number;
  sandboxed: boolean;
  kills: Record<Kind, number>;
  totalKills: number;
  /** Servers that were replaced, as the daemons have counted. */
  restarts: number;
  /** As often as somebody was there to tell. */
  slept: number;
  woke: number;
  /** What they said: a command may reach a daemon that was killed a moment before. */
  failedCommands: string[];
  /** What the daemon calls errors. */
  complaints: string[];
  leftovers: string[];
}

export async function torture(options: TortureOptions): Promise<TortureResult> {
  const { isomount, source, images, seconds, minKills, slowness, tell } = options;
  const usual = await usualDescriptors(isomount, images[0], slowness);
  const mounts = images.map((image, i) => isomount.mount(image, SLEEP_OPTIONS[i % 2]));
  const sandboxed = isomount.list().every((mount) => mount.sandboxed);
  const stop = join(isomount.folder, "stop");
  const happenings = new Happenings(isomount.runtime);
  const readers = mounts.map((mount, seed) => new Reader(source, mount, stop, seed));
  const killer = new Killer(isomount);
  const began = Date.now();
  try {
    while (Date.now() - began < seconds * 1000 || killer.total < minKills) {
      const room = MAX_PAUSE_MILLISECONDS - MIN_PAUSE_MILLISECONDS;
      await pause(slowness * (MIN_PAUSE_MILLISECONDS + Math.random() * room));
      killer.strike();
      tell(JSON.stringify(killer.kills));
    }
  } finally {
    writeFileSync(stop, "");
    happenings.stop();
  }
  const read = sum(
    await Promise.all(readers.map((each) => each.result(slowness * ANSWER_MILLISECONDS))),
  );
  await eventually(
    "every mount has a server again, or sleeps",
    () => isomount.list().every(({ state }) => state === "serving" || state === "asleep"),
    slowness * SETTLE_SECONDS,
  );
  const restarts = isomount.list().reduce((total, mount) => total + mount.restarts, 0);
  for (const mount of mounts) isomount.succeed("umount", mount);
  return {
    seconds: Math.round((Date.now() - began) / 1000),
    sandboxed,
    kills: killer.kills,
    totalKills: killer.total,
    restarts,
    slept: happenings.counts.asleep ?? 0,
    woke: happenings.counts.awake ?? 0,
    ...read,
    failedCommands: killer.failedCommands,
    complaints: happenings.complaints,
    leftovers: await leftovers(isomount, usual, slowness),
  };
}

function sum(parts: readonly ReaderResult[]): ReaderResult {
  const total = (count: (part: ReaderResult) => number) =>
    parts.reduce((all, part) => all + count(part), 0);
  return {
    reads: total(({ reads }) => reads),
    bytes: total(({ bytes }) => bytes),
    listings: total(({ listings }) => listings),
    slowestMilliseconds: Math.max(...parts.map((part) => part.slowestMilliseconds)),
    errors: parts.flatMap(({ errors }) => errors),
    wrong: parts.flatMap(({ wrong }) => wrong),
  };
}

/** How many descriptors daemon and keeper have with nothing mounted, and a spare server. */
interface Descriptors {
  daemon: string[];
  keeper: string[];
}

async function usualDescriptors(
  isomount: Isomount,
  image: string,
  slowness: number,
): Promise<Descriptors> {
  const mountpoint = isomount.mount(image);
  isomount.succeed("umount", mountpoint);
  await eventually(
    "there is a spare server",
    () => isomount.daemonInfo().spare?.pid,
    slowness * SETTLE_SECONDS,
  );
  return descriptorsNow(isomount);
}

function descriptorsNow(isomount: Isomount): Descriptors {
  const { pid, keeper } = isomount.daemonInfo();
  return {
    daemon: pid === undefined ? [] : descriptors(pid),
    keeper: keeper === undefined ? [] : descriptors(keeper.pid),
  };
}

/** What is still there some seconds after the last mount has gone, and does not belong to a daemon. */
async function leftovers(
  isomount: Isomount,
  usual: Descriptors,
  slowness: number,
): Promise<string[]> {
  let left: string[] = [];
  const isNothing = () => {
    left = [
      ...isomount.leftovers(),
      ...foreignProcesses(isomount),
      ...foreignFiles(isomount),
      ...additional(isomount, usual),
    ];
    return left.length === 0;
  };
  // The last look is the result.
  await eventually("nothing is left", isNothing, slowness * SETTLE_SECONDS).catch(() => {});
  return left;
}

/** Servers, and what they live in, that no daemon knows of any more. */
function foreignProcesses(isomount: Isomount): string[] {
  const { spare } = isomount.daemonInfo();
  return new Victims(isomount.runtime)
    .processesOfServers()
    .filter((pid) => pid !== spare?.pid && pid !== spare?.launcher)
    .map((pid) => `process ${pid}`);
}

function foreignFiles(isomount: Isomount): string[] {
  const { spare } = isomount.daemonInfo();
  const own = /^(isomountd\.(lock|log.*)|control\.sock|metrics\.sock|keeper\.sock)$/;
  return readdirSync(isomount.runtime)
    .filter((name) => !own.test(name) && name !== basename(spare?.socketPath ?? ""))
    .map((name) => `file ${name}`);
}

function additional(isomount: Isomount, usual: Descriptors): string[] {
  const now = descriptorsNow(isomount);
  return (["daemon", "keeper"] as const)
    .filter((who) => now[who].length > usual[who].length)
    .map((who) => `descriptors of the ${who}: ${now[who].join(", ")}; before ${usual[who].length}`);
}
