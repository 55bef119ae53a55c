/** `isomount watch`: images come and go in a folder, as downloads, copies and sheets with their data. */
import { type ChildProcess, spawn } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { demoImage } from "../../daemon/bootstrap/demo-image.mjs";
import { ourMounts } from "../../daemon/client/mount-table.js";
import { ORDINARY_USER, program, startIsomount } from "../support/isomount.js";

/** Its mountpoints are made in its home folder, which is a scratch folder here. */
const isomount = startIsomount(process.getuid?.() === 0 ? ORDINARY_USER : undefined);
const home = join(isomount.folder, "Mounts");

const TIMEOUT = { timeout: 20_000, interval: 50 };
/** Longer than a whole file has to be quiet. */
const QUIET_MILLISECONDS = 1600;

let folder: string;
let watcher: ChildProcess;
let output: string;
let count = 0;

beforeEach(() => {
  folder = join(isomount.folder, `images ${++count}`);
  mkdirSync(folder);
  isomount.give(folder);
});

afterEach(() => {
  watcher.kill("SIGKILL");
  // Of a test that failed half-way.
  if (mounted().length > 0) isomount.succeed("umount", "--all", "--lazy");
});

function image(label: string): Buffer {
  return demoImage(label, { "hello.txt": label }, new Date(0));
}

/** Puts a file into the watched folder, all at once. */
function put(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  isomount.give(path);
  return path;
}

async function watch(...flags: string[]): Promise<void> {
  output = "";
  const { cwd, env, uid, gid } = isomount.surroundings;
  watcher = spawn(process.execPath, [program, "watch", folder, ...flags], { cwd, env, uid, gid });
  for (const stream of [watcher.stdout, watcher.stderr]) {
    stream?.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
  }
  await said(`watching ${folder}\n`);
}

async function said(text: string): Promise<void> {
  await vi.waitFor(() => expect(output).toContain(text), TIMEOUT);
}

async function ends(signal: NodeJS.Signals): Promise<number | null> {
  const ended = new Promise<number | null>((resolve) => watcher.on("exit", resolve));
  watcher.kill(signal);
  return ended;
}

/** Names of the mountpoints of images of the watched folder, as the kernel has them. */
function mounted(): string[] {
  return ourMounts()
    .filter(({ source }) => source.startsWith(folder))
    .map(({ mountpoint }) => basename(mountpoint))
    .sort();
}

function folders(): string[] {
  return existsSync(home) ? readdirSync(home).sort() : [];
}

it("mounts what is there and what comes, and unmounts what leaves", async () => {
  const first = put("first.iso", image("FIRST"));
  put("readme.txt", "no image");
  await watch();
  await said(`mounted ${first} on ${join(home, "FIRST")}\n`);
  const second = put("second.iso", image("SECOND"));
  await said(`mounted ${second} on ${join(home, "SECOND")}\n`);
  rmSync(first);
  await said(`unmounted ${first} from ${join(home, "FIRST")}\n`);
  renameSync(second, join(isomount.folder, "elsewhere.iso"));
  await said(`unmounted ${second} from`);
  expect(mounted()).toEqual([]);
  expect(folders()).toEqual([]);
});

it("leaves alone what is not whole yet", async () => {
  await watch();
  const bytes = image("WHOLE");
  const copied = put("copied.iso", bytes.subarray(0, 4096));
  const writer = openSync(copied, "a");
  // As a browser has it: an empty file that keeps the name, and a partial one.
  const place = put("loaded.iso", "");
  put("loaded.iso.part", bytes.subarray(0, 30_000));
  await sleep(QUIET_MILLISECONDS);
  expect(output).toBe(`watching ${folder}\n`);
  writeSync(writer, bytes, 4096);
  closeSync(writer);
  await said(`mounted ${copied} on`);
  expect(isomount.runProgram("cat", join(home, "WHOLE/hello.txt")).stdout).toBe("WHOLE");
  appendFileSync(`${place}.part`, bytes.subarray(30_000));
  renameSync(`${place}.part`, place);
  await said(`mounted ${place} on`);
  expect(mounted()).toEqual(["WHOLE", "WHOLE 2"]);
  expect(await ends("SIGTERM")).toBe(0);
});

it("mounts a sheet instead of its data, once the data is there", async () => {
  await watch();
  const sheet = put(
    "disc.cue",
    'FILE "disc.bin" BINARY\n  TRACK 01 MODE1/2048\n    INDEX 01 00:00:00\n',
  );
  await sleep(QUIET_MILLISECONDS);
  expect(output).toBe(`watching ${folder}\n`);
  put("disc.bin", image("DISC"));
  await said(`mounted ${sheet} on`);
  await sleep(QUIET_MILLISECONDS);
  expect(isomount.list().map((mount) => [mount.image, mount.container])).toEqual([[sheet, "cue"]]);
  expect(await ends("SIGINT")).toBe(0);
});

it("mounts anew what was replaced, and says what is no image", async () => {
  const path = put("a.iso", image("OLD"));
  put("firmware.bin", Buffer.alloc(100_000, Buffer.from([0xa5, 0x17, 0xf3])));
  put("text.img", "words ".repeat(1000));
  await watch();
  await said("mounted");
  await said("firmware.bin is no image\n");
  await said(`warning: cannot mount ${join(folder, "text.img")}: `);
  put("new", image("NEW"));
  renameSync(join(folder, "new"), path);
  await said(`unmounted ${path} from ${join(home, "OLD")}\n`);
  await said(`mounted ${path} on ${join(home, "NEW")}\n`);
  expect(await ends("SIGTERM")).toBe(0);
});

it("goes on when the daemon is replaced or killed", async () => {
  const first = put("first.iso", image("FIRST"));
  await watch();
  await said(`mounted ${first} on`);
  isomount.succeed("daemon", "restart");
  const second = put("second.iso", image("SECOND"));
  await said(`mounted ${second} on`);
  process.kill(isomount.daemonPid()!, "SIGKILL");
  rmSync(first);
  await said(`unmounted ${first} from`);
  const third = put("third.iso", image("THIRD"));
  await said(`mounted ${third} on`);
  expect(mounted()).toEqual(["SECOND", "THIRD"]);
  expect(await ends("SIGTERM")).toBe(0);
  expect(mounted()).toEqual([]);
});

it("unmounts at its end what it has mounted, and nothing else", async () => {
  const byHand = put("by-hand.iso", image("BY_HAND"));
  const mountpoint = isomount.mount(byHand);
  const busy = put("busy.iso", image("BUSY"));
  await watch();
  await said(`${byHand} is mounted already, on ${mountpoint}\n`);
  await said(`mounted ${busy} on`);
  // Opens the file, and reads when it is told to.
  const { cwd, env, uid, gid } = isomount.surroundings;
  const script = "exec 3< Mounts/BUSY/hello.txt; echo open; read go; cat <&3";
  const reader = spawn("sh", ["-c", script], { cwd, env, uid, gid });
  let read = "";
  reader.stdout.setEncoding("utf8").on("data", (text) => {
    read += text;
  });
  await vi.waitFor(() => expect(read).toBe("open\n"), TIMEOUT);
  expect(await ends("SIGTERM")).toBe(0);
  expect(mounted()).toEqual([basename(mountpoint)]);
  reader.stdin.end("go\n");
  await vi.waitFor(() => expect(read).toBe("open\nBUSY"), TIMEOUT);
  isomount.succeed("umount", mountpoint);
});

it("leaves mounted what it is told to keep, and does not mount it again", async () => {
  const path = put("kept.iso", image("KEPT"));
  await watch("--keep");
  await said(`mounted ${path} on`);
  expect(await ends("SIGTERM")).toBe(0);
  expect(mounted()).toEqual(["KEPT"]);
  await watch("--keep");
  await said(`${path} is mounted already`);
  rmSync(path);
  await said(`unmounted ${path} from`);
  expect(mounted()).toEqual([]);
});

it("waits for a folder that has gone away", async () => {
  const path = put("a.iso", image("AWAY"));
  await watch();
  await said(`mounted ${path} on`);
  rmSync(folder, { recursive: true });
  await said(`warning: ${folder} cannot be read: it does not exist\n`);
  await said(`unmounted ${path} from`);
  mkdirSync(folder);
  isomount.give(folder);
  output = "";
  put("a.iso", image("BACK"));
  await said(`mounted ${path} on ${join(home, "BACK")}\n`);
  expect(await ends("SIGTERM")).toBe(0);
});

it("goes on with a folder that has come in the place of another", async () => {
  const path = put("a.iso", image("FIRST"));
  await watch();
  await said(`mounted ${path} on`);
  renameSync(folder, `${folder}.old`);
  mkdirSync(folder);
  isomount.give(folder);
  const second = put("b.iso", image("SECOND"));
  await said(`unmounted ${path} from`);
  await said(`mounted ${second} on`);
  // Told by the kernel, and not found by looking now and then, which takes ten seconds.
  const third = put("c.iso", image("THIRD"));
  const told = { ...TIMEOUT, timeout: 6000 };
  await vi.waitFor(() => expect(output).toContain(`mounted ${third} on`), told);
  rmSync(folder, { recursive: true });
  await said(`unmounted ${third} from`);
});

it("leaves mounted what it cannot see for a while", async () => {
  const path = put("a.iso", image("STAYS"));
  await watch();
  await said(`mounted ${path} on`);
  chmodSync(folder, 0);
  await said(`warning: ${folder} cannot be read: permission denied\n`);
  chmodSync(folder, 0o755);
  const later = put("b.iso", image("LATER"));
  await said(`mounted ${later} on`);
  expect(output).not.toContain("unmounted");
  expect(mounted()).toEqual(["LATER", "STAYS"]);
  expect(await ends("SIGTERM")).toBe(0);
});

it("refuses what is no folder", () => {
  watcher = spawn("true");
  const { status, stderr } = isomount.run("watch", join(folder, "none"));
  expect({ status, stderr }).toEqual({
    status: 32,
    stderr: `isomount: cannot watch ${join(folder, "none")}: it does not exist\n`,
  });
});
