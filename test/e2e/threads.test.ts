/** Servers of compressed images decode on several threads; others keep to one. */
import { execFileSync, spawn } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { mixedBytes } from "../fixtures/dmg/random.js";
import {
  buildUdif,
  ChunkType,
  type FixtureChunk,
  SECTOR,
  zlibChunk,
} from "../fixtures/dmg/udif.js";
import { Isomount, program, startIsomount } from "../support/isomount.js";
import { run, scratch } from "../support/tools.js";

const isomount = startIsomount();
const folder = scratch("threads");
const source = join(folder, "source");
const iso = join(folder, "plain.iso");
const dmg = join(folder, "compressed.dmg");
const CHUNK = 256 * 1024;
/** The same in the server: four at most. */
const THREADS = Math.min(availableParallelism(), 4);
const KILLS = 10;

let chunks: FixtureChunk[];

beforeAll(() => {
  mkdirSync(source);
  const bytes = mixedBytes(3 * 1024 * 1024, 1);
  // Each repetition begins elsewhere in a chunk.
  const large = Buffer.concat(Array.from({ length: 12 }, (_, i) => bytes.subarray(i * 1000)));
  writeFileSync(join(source, "large"), large);
  writeFileSync(join(source, "small"), "small");
  run("xorriso", ["-outdev", iso, "-volid", "THREADS", "-map", source, "/", "-commit"]);
  const disk = readFileSync(iso);
  chunks = [];
  for (let at = 0; at < disk.length; at += CHUNK) {
    chunks.push(zlibChunk(disk.subarray(at, Math.min(disk.length, at + CHUNK))));
  }
  writeFileSync(dmg, buildUdif([{ sector: 0, chunks }]));
});

function serverOf(mountpoint: string): { pid: number; state: string; restarts: number } {
  const found = isomount.list().find((mount) => mount.mountpoint === mountpoint);
  if (found === undefined) throw new Error(`${mountpoint} is gone`);
  return found;
}

/** Tasks of the server's process: its threads, and those that Node has in any case. */
function tasks(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).length;
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((done) => setTimeout(done, milliseconds));
}

/** Waits until the server has `wanted` tasks; what it has after ten seconds, if it never does. */
async function tasksInTime(pid: number, wanted: number): Promise<number> {
  for (let i = 0; i < 200 && tasks(pid) !== wanted; i++) await pause(50);
  return tasks(pid);
}

/** Forgets what the kernel has cached of a file. */
function forget(path: string): void {
  run("dd", [`if=${path}`, "iflag=nocache", "count=0", "status=none"]);
}

/** What cmp(1) says to a mounted file, while the test goes on; empty if it is the same. */
function compare(mounted: string, original: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn("cmp", [mounted, original], { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (part: Buffer) => {
        said += part.toString();
      });
    }
    child.on("error", reject);
    child.on("close", (status) => resolve(status === 0 ? "" : `${status}: ${said}`));
  });
}

test("a server has one thread until much is decoded, and then as many as there are cores", async () => {
  const mountpoint = isomount.mount(dmg);
  const large = join(mountpoint, "large");
  expect(readdirSync(mountpoint).sort()).toEqual(["large", "small"]);
  expect(readFileSync(join(mountpoint, "small"), "utf8")).toBe("small");
  const { pid } = serverOf(mountpoint);
  const before = tasks(pid);
  expect(await compare(large, join(source, "large"))).toBe("");
  expect(await tasksInTime(pid, before + THREADS - 1)).toBe(before + THREADS - 1);
  // With all of them at work, and readers that want the same.
  forget(large);
  const same = [1, 2, 3].map(() => compare(large, join(source, "large")));
  expect(await Promise.all(same)).toEqual(["", "", ""]);
  expect(tasks(pid)).toBe(before + THREADS - 1);
  expect(serverOf(mountpoint)).toMatchObject({ pid, restarts: 0 });
  isomount.succeed("umount", mountpoint);
  expect(isomount.leftovers()).toEqual([]);
});

test("a server that decodes nothing keeps to one thread", async () => {
  const mountpoint = isomount.mount(iso);
  readdirSync(mountpoint);
  const { pid } = serverOf(mountpoint);
  const before = tasks(pid);
  for (let i = 0; i < 3; i++) {
    expect(await compare(join(mountpoint, "large"), join(source, "large"))).toBe("");
    forget(join(mountpoint, "large"));
  }
  await pause(300);
  expect(tasks(pid)).toBe(before);
  isomount.succeed("umount", mountpoint);
});

test("a chunk that cannot be decoded is EIO for its range alone, on every thread", async () => {
  const bad = 60;
  const damaged = chunks.map((chunk, i) =>
    i === bad ? { ...chunk, stored: new Uint8Array(chunk.stored?.length ?? 0) } : chunk,
  );
  const image = join(folder, "damaged.dmg");
  writeFileSync(image, buildUdif([{ sector: 0, chunks: damaged }]));
  const mountpoint = isomount.mount(image);
  const original = readFileSync(join(source, "large"));
  const fd = openSync(join(mountpoint, "large"), "r");
  const bytes = Buffer.alloc(4096);
  // In the image itself a file's bytes lie where the plain one has them.
  const start = readFileSync(iso).indexOf(original.subarray(0, 4096));
  expect(start % SECTOR).toBe(0);
  const badFrom = bad * CHUNK - start;
  for (let round = 0; round < 3; round++) {
    for (let at = 0; at + bytes.length <= original.length; at += 5 * bytes.length) {
      const isBad = at + bytes.length > badFrom && at < badFrom + CHUNK;
      let failure: unknown;
      try {
        readSync(fd, bytes, 0, bytes.length, at);
      } catch (error) {
        failure = (error as NodeJS.ErrnoException).code;
      }
      if (isBad) expect(failure, `at ${at}`).toBe("EIO");
      else if (
        failure !== undefined ||
        original.compare(bytes, 0, bytes.length, at, at + bytes.length) !== 0
      ) {
        throw new Error(`${failure ?? "wrong bytes"} at ${at}, the bad chunk is at ${badFrom}`);
      }
    }
    forget(join(mountpoint, "large"));
  }
  expect(serverOf(mountpoint).restarts).toBe(0);
  closeSync(fd);
  isomount.succeed("umount", mountpoint);
});

test(`readers see nothing of ${KILLS} killed servers, all their threads at work`, async () => {
  const mountpoint = isomount.mount(dmg);
  const large = join(mountpoint, "large");
  readdirSync(mountpoint);
  const idle = tasks(serverOf(mountpoint).pid);
  let isOver = false;
  const said: string[] = [];
  const reading = (async () => {
    while (!isOver) {
      said.push(await compare(large, join(source, "large")));
      forget(large);
    }
  })();
  for (let kill = 1; kill <= KILLS; kill++) {
    let server = serverOf(mountpoint);
    for (let i = 0; i < 200 && server.state !== "serving"; i++) {
      await pause(20);
      server = serverOf(mountpoint);
    }
    expect(await tasksInTime(server.pid, idle + THREADS - 1)).toBe(idle + THREADS - 1);
    // Many that end at once would be taken for servers that cannot live.
    await pause(kill % 4 === 0 ? 2100 : 20 * kill);
    process.kill(server.pid, "SIGKILL");
  }
  await pause(500);
  isOver = true;
  await reading;
  expect(said.length).toBeGreaterThan(1);
  expect(said).toEqual(said.map(() => ""));
  expect(serverOf(mountpoint).restarts).toBe(KILLS);
  isomount.succeed("umount", mountpoint);
});

test("codecs do with few addresses", () => {
  const limited = new Isomount();
  const packed = join(folder, "bzip2.dmg");
  const disk = readFileSync(iso);
  const bzip2 = execFileSync("bzip2", ["-c"], { input: disk.subarray(0, CHUNK) });
  const first: FixtureChunk = { type: ChunkType.bzip2, sectors: CHUNK / SECTOR, stored: bzip2 };
  writeFileSync(packed, buildUdif([{ sector: 0, chunks: [first, ...chunks.slice(1)] }]));
  const mountpoint = limited.newMountpoint();
  // Node itself takes less than half of this, and V8 would take five times as much for a codec.
  const script = `ulimit -v 3000000; exec "$@"`;
  const command = [process.execPath, program, packed, mountpoint];
  const { status, stderr } = limited.runProgram("sh", "-c", script, "sh", ...command);
  expect(`${status}${stderr}`).toBe("0");
  const large = readFileSync(join(mountpoint, "large"));
  expect(large.equals(readFileSync(join(source, "large")))).toBe(true);
  limited.end();
});
