/** Many mounts: at once, awake and asleep, and one after the other. */
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "../../../daemon/client/connect.js";
import { mountImage } from "../../../daemon/client/mount-image.js";
import type { DaemonInfo, MountInfo } from "../../../daemon/rpc/protocol.js";
import { type Bench, type Suite, say } from "../bench.js";
import { isomountProgram } from "../contenders.js";
import { tinyImage } from "../images/iso.js";
import { median, memory } from "../measure.js";

const AT_ONCE = 500;
/** How many of them are measured one by one. */
const SAMPLES = 25;
const IN_A_ROW = 2000;
const MEBIBYTE_KIB = 1024;

export const mounts: Suite = {
  name: "mounts",
  title: "Many mounts at once",
  async run(bench) {
    startDaemon();
    await atOnce(bench);
  },
};

export const series: Suite = {
  name: "series",
  title: "Many mounts in a row",
  async run(bench) {
    startDaemon();
    await inARow(bench);
  },
};

/** Of the build that is measured; what follows finds it running. */
function startDaemon(): void {
  execFileSync(process.execPath, [isomountProgram, "daemon", "start"], { stdio: "ignore" });
}

function mount(image: string, mountpoint: string, sleepTimeout: number): Promise<MountInfo> {
  return mountImage({
    image,
    mountpoint,
    options: {},
    mountOptions: { sleepTimeout },
    passphrase: {},
    ask: async () => undefined,
  });
}

async function daemonInfo(): Promise<DaemonInfo> {
  const connection = await connect();
  const info = connection.call("daemon", {});
  connection.close();
  return info;
}

async function list(): Promise<MountInfo[]> {
  const connection = await connect();
  const mounts = connection.call("list", {});
  connection.close();
  return mounts;
}

async function unmount(target: string): Promise<void> {
  const connection = await connect();
  connection.call("umount", { target });
  connection.close();
}

/** What all processes that are not a mount's own server take, in KiB of private pages. */
async function upkeep(): Promise<number> {
  const { pid, keeper } = await daemonInfo();
  const pids = keeper === undefined ? [pid] : [pid, keeper.pid];
  return pids.reduce((sum, each) => sum + memory(each).private * MEBIBYTE_KIB, 0);
}

async function atOnce(bench: Bench): Promise<void> {
  const image = tinyImage(bench.folder);
  const folder = join(bench.folder, "many");
  const paths = Array.from({ length: AT_ONCE }, (_, i) => join(folder, `${i}`));
  for (const path of paths) mkdirSync(path, { recursive: true });
  const first = await mount(image, paths[0], 0);
  const before = await upkeep();
  say(`${AT_ONCE} mounts at once`);
  const samples: number[] = [];
  for (const [i, path] of paths.entries()) {
    if (i === 0) continue;
    const { pid } = await mount(image, path, i < SAMPLES ? 0 : 1);
    if (i >= SAMPLES) continue;
    await sleep(1000);
    samples.push(memory(pid).private);
  }
  const asleep = async () => (await list()).filter(({ state }) => state === "asleep").length;
  while ((await asleep()) < AT_ONCE - SAMPLES) await sleep(500);
  const each = ((await upkeep()) - before) / AT_ONCE;
  bench.fact(
    `one of ${AT_ONCE} mounts, asleep`,
    `${(each / MEBIBYTE_KIB).toFixed(2)} MiB private in daemon and keeper`,
    "1 MiB",
    each < MEBIBYTE_KIB,
  );
  bench.fact(
    `one of ${AT_ONCE} mounts, awake`,
    `${median(samples).toFixed(1)} MiB private in its server`,
    "25 MiB",
    median(samples) < 25,
  );
  say("the first answer of a mount that sleeps");
  const times: number[] = [];
  for (const path of paths.slice(SAMPLES, SAMPLES + 15)) {
    const start = performance.now();
    readdirSync(path);
    times.push(performance.now() - start);
    // The next spare server is there a moment after the last was taken.
    await sleep(1500);
  }
  bench.fact(
    "first answer of a mount that sleeps",
    `${median(times).toFixed(0)} ms (${Math.max(...times).toFixed(0)} at most)`,
    "150 ms",
    median(times) <= 150,
  );
  for (const path of paths) await unmount(path);
  if (first.mountpoint !== paths[0]) throw new Error(`mounted on ${first.mountpoint}`);
}

async function inARow(bench: Bench): Promise<void> {
  const image = tinyImage(bench.folder);
  const path = join(bench.folder, "many", "0");
  mkdirSync(path, { recursive: true });
  const { pid } = await daemonInfo();
  const state = () => ({
    private: memory(pid).private,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  });
  const rounds = async (count: number): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < count; i++) {
      await mount(image, path, 0);
      const fd = openSync(join(path, "file"), "r");
      readSync(fd, Buffer.alloc(1));
      closeSync(fd);
      await unmount(path);
    }
    return (performance.now() - start) / count;
  };
  say(`${IN_A_ROW} mounts in a row`);
  const part = IN_A_ROW / 10;
  const early = await rounds(part);
  await sleep(3000);
  const before = state();
  await rounds(IN_A_ROW - 2 * part);
  const late = await rounds(part);
  await sleep(3000);
  const after = state();
  const grown = after.private - before.private;
  bench.fact(
    `time per mount and unmount, the last ${part} of ${IN_A_ROW} against the first`,
    `${late.toFixed(0)} ms, ${(late / early).toFixed(2)} times as long`,
    "as long (1.1 times)",
    late / early <= 1.1,
  );
  bench.fact(
    `what the daemon has grown by over ${IN_A_ROW - part} mounts`,
    `${grown.toFixed(1)} MiB, ${after.descriptors - before.descriptors} descriptors`,
    "4 MiB, 0 descriptors",
    grown < 4 && after.descriptors <= before.descriptors,
  );
}
