/** The four things that every mount is asked to do. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type Bench, duration, megabytesPerSecond, readsPerSecond } from "./bench.js";
import type { Contender } from "./contenders.js";
import { forget, randomReads, seconds, warm } from "./measure.js";

/** MB/s over the first mebibytes of `/file`, which the mount has not cached. */
export function readFirst(mountpoint: string, mebibytes: number): number {
  const file = join(mountpoint, "file");
  forget(file);
  const elapsed = seconds("dd", [`if=${file}`, "of=/dev/null", "bs=1M", `count=${mebibytes}`]);
  return (mebibytes * 2 ** 20) / elapsed / 1e6;
}

/** 4 KiB reads a second of `/file`, past the mount's cache. */
export function readAtRandom(mountpoint: string, jobs = 1): number {
  return randomReads(join(mountpoint, "file"), jobs, 2);
}

/** Seconds. */
export function find(mountpoint: string): number {
  return seconds("find", [mountpoint, "-size", "+10000M"]);
}

/** Seconds; `scratch` is where the archive goes, since tar reads nothing for /dev/null. */
export function tar(tree: string, scratch: string): number {
  const archive = join(scratch, "out.tar");
  try {
    return seconds("tar", ["cf", archive, "-C", tree, "."]);
  } finally {
    rmSync(archive, { force: true });
  }
}

/** One way to mount one image. */
export interface Side {
  contender: Contender;
  image: string;
}

export interface Goals {
  sequential?: Record<string, number>;
  random?: Record<string, number>;
  find?: Record<string, number>;
  tar?: Record<string, number>;
}

/** All four on images of contents.ts. The first side is isomount's. */
export async function fourWays(
  bench: Bench,
  subject: string,
  sides: readonly Side[],
  mebibytes: number,
  goals: Goals,
): Promise<void> {
  for (const { image } of sides) warm(image);
  const entrants = (measure: (mountpoint: string) => number) =>
    sides.map(({ contender, image }) => bench.mounted(contender, image, measure));
  await bench.compare(
    `${subject}: sequential read of ${mebibytes} MiB`,
    megabytesPerSecond,
    entrants((mountpoint) => readFirst(mountpoint, mebibytes)),
    goals.sequential,
  );
  await bench.compare(
    `${subject}: 4 KiB random reads`,
    readsPerSecond,
    entrants((mountpoint) => readAtRandom(mountpoint)),
    goals.random,
  );
  await bench.compare(
    `${subject}: cold find over 20,000 files`,
    duration,
    entrants(find),
    goals.find,
  );
  await bench.compare(
    `${subject}: cold tar of 20,000 files`,
    duration,
    entrants((mountpoint) => tar(join(mountpoint, "tree"), bench.folder)),
    goals.tar,
  );
}
