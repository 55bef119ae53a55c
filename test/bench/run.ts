/**
 * `npm run bench`: measures isomount beside what people use today and writes RESULTS.md.
 *
 * Needs root (caches are dropped), fuseiso, archivemount, fio, xorriso, gcc and libfuse3-dev, which
 * `npm test` installs. Images are kept in $ISOMOUNT_BENCH_DIR or a folder in /tmp.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { MountInfo } from "../../daemon/rpc/protocol.js";
import {
  archivemount,
  type Contender,
  compilePeer,
  fuseiso,
  isomount,
  isomountProgram,
} from "./contenders.js";
import { LARGE_FILE_BYTES, largeImage, millionImage, treeImage } from "./images.js";
import { forget, median, memory, peakMemory, randomReads, seconds } from "./measure.js";
import { type Fact, type Row, writeReport } from "./report.js";

const folder = process.env.ISOMOUNT_BENCH_DIR ?? join(tmpdir(), "isomount-bench");
const rounds = Number(process.env.ISOMOUNT_BENCH_ROUNDS ?? 5);
process.env.ISOMOUNT_RUNTIME_DIR = join(folder, "run");
mkdirSync(process.env.ISOMOUNT_RUNTIME_DIR, { recursive: true, mode: 0o700 });

const rows: Row[] = [];
const facts: Fact[] = [];

function say(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else process.stderr.write(`${text}\n`);
}

function mountpointOf(contender: Contender): string {
  const path = join(folder, `mnt-${contender.name.replace(/\W+/g, "-")}`);
  mkdirSync(path, { recursive: true });
  return path;
}

/** Each contender in turn, `rounds` times, so that what disturbs the machine disturbs all alike. */
async function inTurns(
  contenders: readonly Contender[],
  image: string,
  measure: (mountpoint: string) => number,
): Promise<number[]> {
  const values: number[][] = contenders.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      const mountpoint = mountpointOf(contender);
      await contender.mount(image, mountpoint);
      try {
        values[index].push(measure(mountpoint));
      } finally {
        contender.unmount(mountpoint);
      }
    }
  }
  return values.map(median);
}

function compare(
  what: string,
  unit: (value: number) => string,
  contenders: readonly Contender[],
  values: readonly number[],
  better: "more" | "less",
  goals: Record<string, number>,
): void {
  const [own, ...others] = values;
  others.forEach((other, index) => {
    const { name } = contenders[index + 1];
    const ratio = better === "more" ? own / other : other / own;
    rows.push({ what, measured: unit(own), against: name, ratio, goal: goals[name] });
  });
}

/** Where the file's bytes begin in the image, as the reader that is not ours says. */
function startOfFile(image: string): number {
  const listing = execFileSync(
    "xorriso",
    ["-indev", image, "-find", "/file", "-exec", "report_lba"],
    {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    },
  );
  return Number(/File data lba:\s*\d+\s*,\s*(\d+)/.exec(listing)?.[1]) * 2048;
}

/** MB/s over the first mebibytes of the large file, which the mount has not cached. */
function readFirst(mountpoint: string, mebibytes: number): number {
  const file = join(mountpoint, "file");
  forget(file);
  const elapsed = seconds("dd", [`if=${file}`, "of=/dev/null", "bs=1M", `count=${mebibytes}`]);
  return (mebibytes * 2 ** 20) / elapsed / 1e6;
}

async function largeFile(): Promise<void> {
  const image = largeImage(folder);
  const peer = compilePeer(folder)(startOfFile(image), LARGE_FILE_BYTES);
  const all = [isomount, peer, fuseiso];
  // Into the page cache: the servers are measured, not the disk.
  execFileSync("cat", [image], { stdio: ["ignore", "ignore", "ignore"] });
  say("sequential reads");
  const megabytes = (value: number) => `${value.toFixed(0)} MB/s`;
  const sequential = await inTurns(all, image, (m) => readFirst(m, LARGE_FILE_BYTES >> 20));
  compare("sequential read of 700 MiB", megabytes, all, sequential, "more", { [peer.name]: 0.95 });
  // archivemount starts over for each read: the whole file takes it many minutes.
  const patient = [isomount, archivemount];
  const start = await inTurns(patient, image, (mountpoint) => readFirst(mountpoint, 16));
  compare("the first 16 MiB of 700", megabytes, patient, start, "more", {});
  for (const jobs of [1, 4]) {
    say(`random reads, ${jobs} jobs`);
    const values = await inTurns(all, image, (mountpoint) =>
      randomReads(join(mountpoint, "file"), jobs, 2),
    );
    const what = `4 KiB random reads, ${jobs} ${jobs === 1 ? "job" : "jobs"}`;
    const unit = (value: number) => `${value.toFixed(0)}/s`;
    compare(what, unit, all, values, "more", { [peer.name]: 0.95 });
  }
}

async function smallFiles(): Promise<void> {
  const image = treeImage(folder, 40, 500);
  execFileSync("cat", [image], { stdio: ["ignore", "ignore", "ignore"] });
  const all = [isomount, fuseiso, archivemount];
  const work: [string, number, Contender[], (mountpoint: string) => number][] = [
    ["cold find over 20,000 files", 2, all, (m) => seconds("find", [m, "-size", "+100M"])],
    ["cold ls -lR over 20,000 files", 2, all, (m) => seconds("ls", ["-lR", m])],
    [
      "cold tar of 20,000 files",
      4,
      // Not archivemount, which starts over for each file.
      [isomount, fuseiso],
      (m) => seconds("tar", ["cf", join(folder, "out.tar"), "-C", m, "."]),
    ],
  ];
  for (const [what, goal, contenders, measure] of work) {
    say(what);
    const values = await inTurns(contenders, image, measure);
    const unit = (value: number) => `${value.toFixed(2)} s`;
    compare(what, unit, contenders, values, "less", { fuseiso: goal });
  }
  rmSync(join(folder, "out.tar"));
}

function list(): MountInfo[] {
  const text = execFileSync(process.execPath, [isomountProgram, "list", "--json"], {
    encoding: "utf8",
  });
  return JSON.parse(text) as MountInfo[];
}

async function mounting(): Promise<void> {
  say("time to mount");
  const small = treeImage(folder, 40, 500);
  const million = millionImage(folder);
  const mountpoint = mountpointOf(isomount);
  const time = (image: string) => {
    const elapsed = seconds(process.execPath, [isomountProgram, image, mountpoint]);
    isomount.unmount(mountpoint);
    return elapsed * 1000;
  };
  const smallTimes: number[] = [];
  const millionTimes: number[] = [];
  for (let round = 0; round < rounds * 3; round++) {
    smallTimes.push(time(small));
    millionTimes.push(time(million));
  }
  facts.push({
    what: "from command to mounted, the daemon running",
    measured: `${median(smallTimes).toFixed(0)} ms`,
    goal: "250 ms",
    reached: median(smallTimes) <= 250,
  });
  const ratio = median(millionTimes) / median(smallTimes);
  facts.push({
    what: "mounting 1,000,000 files, against 20,000",
    measured: `${ratio.toFixed(2)} times as long`,
    goal: "as fast (1.1 times)",
    reached: ratio <= 1.1,
  });
  await isomount.mount(small, mountpoint);
  const idle = memory(list()[0].pid);
  isomount.unmount(mountpoint);
  facts.push({
    what: "private memory of an idle mount",
    measured: `${idle.private.toFixed(1)} MiB (${idle.resident.toFixed(0)} resident, most of it shared)`,
    goal: "25 MiB",
    reached: idle.private < 25,
  });
  await isomount.mount(million, mountpoint);
  say("find over 1,000,000 files");
  const walked = seconds("find", [mountpoint, "-size", "+100M"]);
  const peak = peakMemory(list()[0].pid);
  isomount.unmount(mountpoint);
  facts.push({
    what: `server while find walks 1,000,000 files (${walked.toFixed(0)} s)`,
    measured: `${peak.toFixed(0)} MiB resident at most`,
    goal: "150 MiB",
    reached: peak < 150,
  });
}

await largeFile();
await smallFiles();
await mounting();
execFileSync(process.execPath, [isomountProgram, "daemon", "stop"], { stdio: "ignore" });
const results = resolve(fileURLToPath(import.meta.url), "../RESULTS.md");
say("");
process.stdout.write(`${writeReport(results, rows, facts)}\n`);
