/** ISO 9660: what people use today, a server in C, and the cost of a mount. */
import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Bench,
  duration,
  megabytesPerSecond,
  readsPerSecond,
  type Suite,
  say,
} from "../bench.js";
import {
  archivemount,
  type Contender,
  fuseiso,
  isomount,
  isomountProgram,
  peer,
  serverOf,
} from "../contenders.js";
import { LARGE_FILE_MEBIBYTES, largeImage, millionImage, treeImage } from "../images/iso.js";
import { median, memory, peakMemory, seconds, warm } from "../measure.js";
import { find, readAtRandom, readFirst, tar } from "../work.js";

export const iso: Suite = {
  name: "iso",
  title: "ISO 9660",
  async run(bench) {
    await largeFile(bench);
    await smallFiles(bench);
    await mounting(bench);
  },
};

/** Where the file's bytes begin in the image, as the reader that is not ours says. */
function startOfFile(image: string): number {
  const parameters = ["-indev", image, "-find", "/file", "-exec", "report_lba"];
  const listing = execFileSync("xorriso", parameters, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return Number(/File data lba:\s*\d+\s*,\s*(\d+)/.exec(listing)?.[1]) * 2048;
}

async function largeFile(bench: Bench): Promise<void> {
  const image = largeImage(bench.folder);
  const length = LARGE_FILE_MEBIBYTES * 2 ** 20;
  const native = peer(bench.folder, startOfFile(image), length);
  warm(image);
  const able = await bench.able([isomount, native, fuseiso], image);
  const entrants = (contenders: readonly Contender[], measure: (mountpoint: string) => number) =>
    contenders.map((contender) => bench.mounted(contender, image, measure));
  await bench.compare(
    `sequential read of ${LARGE_FILE_MEBIBYTES} MiB`,
    megabytesPerSecond,
    entrants(able, (mountpoint) => readFirst(mountpoint, LARGE_FILE_MEBIBYTES)),
    { [native.name]: 0.95 },
  );
  // archivemount starts over for each read: the whole file takes it many minutes.
  const patient = await bench.able([isomount, archivemount], image);
  await bench.compare(
    `the first 16 MiB of ${LARGE_FILE_MEBIBYTES}`,
    megabytesPerSecond,
    entrants(patient, (mountpoint) => readFirst(mountpoint, 16)),
  );
  for (const jobs of [1, 4]) {
    await bench.compare(
      `4 KiB random reads, ${jobs} ${jobs === 1 ? "job" : "jobs"}`,
      readsPerSecond,
      entrants(able, (mountpoint) => readAtRandom(mountpoint, jobs)),
      { [native.name]: 0.95 },
    );
  }
}

async function smallFiles(bench: Bench): Promise<void> {
  const image = treeImage(bench.folder, 40, 500);
  warm(image);
  const all = await bench.able([isomount, fuseiso, archivemount], image);
  // It starts over for each file.
  const withoutArchivemount = all.filter((contender) => contender !== archivemount);
  const work: [string, number, Contender[], (mountpoint: string) => number][] = [
    ["cold find over 20,000 files", 2, all, find],
    ["cold ls -lR over 20,000 files", 2, all, (m) => seconds("ls", ["-lR", m])],
    ["cold tar of 20,000 files", 4, withoutArchivemount, (m) => tar(m, bench.folder)],
  ];
  for (const [what, goal, contenders, measure] of work) {
    const entrants = contenders.map((contender) => bench.mounted(contender, image, measure));
    await bench.compare(what, duration, entrants, { fuseiso: goal });
  }
}

/** Between two mounts, in milliseconds: a person takes longer. */
const A_MOMENT = 1500;

async function mounting(bench: Bench): Promise<void> {
  const small = treeImage(bench.folder, 40, 500);
  const million = millionImage(bench.folder);
  const mountpoint = bench.mountpoint(isomount);
  say("time to mount");
  const time = (image: string) => {
    const elapsed = seconds(process.execPath, [isomountProgram, image, mountpoint]);
    isomount.unmount(mountpoint);
    return elapsed * 1000;
  };
  const smallTimes: number[] = [];
  const millionTimes: number[] = [];
  const hurriedTimes: number[] = [];
  for (let round = 0; round < bench.rounds * 2; round++) {
    await sleep(A_MOMENT);
    smallTimes.push(time(small));
    await sleep(A_MOMENT);
    millionTimes.push(time(million));
  }
  for (let round = 0; round < bench.rounds * 2; round++) hurriedTimes.push(time(small));
  const mounted = (what: string, times: number[]) => {
    const milliseconds = median(times);
    bench.fact(what, `${milliseconds.toFixed(0)} ms`, "250 ms", milliseconds <= 250);
  };
  mounted("from command to mounted, the daemon running", smallTimes);
  mounted("the same without a pause after the mount before", hurriedTimes);
  const ratio = median(millionTimes) / median(smallTimes);
  bench.fact(
    "mounting 1,000,000 files, against 20,000",
    `${ratio.toFixed(2)} times as long`,
    "as fast (1.1 times)",
    ratio <= 1.1,
  );
  const idle = await bench.whileMounted(isomount, small, () => memory(serverOf(mountpoint)));
  bench.fact(
    "private memory of an idle mount",
    `${idle.private.toFixed(1)} MiB (${idle.resident.toFixed(0)} resident, most of it shared)`,
    "25 MiB",
    idle.private < 25,
  );
  say("find over 1,000,000 files");
  const [walked, peak] = await bench.whileMounted(isomount, million, () => [
    find(mountpoint),
    peakMemory(serverOf(mountpoint)),
  ]);
  bench.fact(
    `server while find walks 1,000,000 files (${walked.toFixed(0)} s)`,
    `${peak.toFixed(0)} MiB resident at most`,
    "150 MiB",
    peak < 150,
  );
}
