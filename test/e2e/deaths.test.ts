/**
 * The daemon, or who asked it, dies in the midst of an operation: whoever comes next finds the mount
 * whole or gone, and nothing else.
 */
import { spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { Connection } from "../../daemon/client/connection.js";
import type { MountInfo } from "../../daemon/rpc/protocol.js";
import { controlSocket } from "../../daemon/rpc/runtime-folder.js";
import { mountFuse } from "../../fs-adapter/mounting/mount.js";
import { readMountinfo } from "../../fs-adapter/mounting/mountinfo.js";
import { buildIso, file, folder } from "../fixtures/iso9660/iso-builder.js";
import { program, startIsomount } from "../support/isomount.js";
import { descriptors, eventually } from "../support/processes.js";
import { writeSparseBundle } from "../support/sparse-bundle.js";
import { Victims } from "../torture/victims.js";

const isRoot = process.getuid!() === 0;
const hasStrace = spawnSync("strace", ["-V"], { stdio: "ignore" }).status === 0;
if (!isRoot) console.log("skipped: only root mounts without a daemon");
if (!isRoot || !hasStrace) {
  console.log("skipped: strace, which kills at a given system call, is not there or may not trace");
}

const isomount = startIsomount();
const image = join(isomount.folder, "disc.iso");
const content = Buffer.alloc(2_000_000, "content ");
const O_PATH_DIRECTORY = 0o12200000;
/** No other test's, so that the folder that is made for it can be told from theirs. */
const label = `DEATHS_${process.pid}`;

beforeAll(() => {
  const root = folder("", [file("LARGE.;1", content)]);
  writeFileSync(image, buildIso(root, { label }));
});

/** What was made in the folder of mountpoints that nobody has named, for the image. */
function foldersMade(): string[] {
  const media = "/run/media/root";
  return existsSync(media) ? readdirSync(media).filter((name) => name.startsWith(label)) : [];
}

/** Resolves when it is dead and nobody holds its lock. */
async function killDaemon(): Promise<void> {
  const pid = isomount.daemonPid() as number;
  process.kill(pid, "SIGKILL");
  await eventually("the daemon is dead", () => new Victims(isomount.runtime).daemon() !== pid);
}

function mountsHere(): string[] {
  return readMountinfo()
    .filter(({ source }) => source === image)
    .map(({ mountpoint }) => mountpoint);
}

it("serves a file that is open on a lazily unmounted image through the daemon's death", async () => {
  const path = isomount.mount(image);
  const fd = openSync(join(path, "large"), "r");
  try {
    isomount.succeed("umount", "--lazy", path);
    await killDaemon();
    await eventually("its mount is found again", () => isomount.list().length === 1);
    expect(isomount.list()).toMatchObject([{ state: "detached", mountpoint: path }]);
    // And through that of its server, so that nothing comes from any cache of the old one.
    process.kill(isomount.list()[0].pid, "SIGKILL");
    const bytes = Buffer.alloc(content.length);
    expect(readSync(fd, bytes, 0, bytes.length, 0)).toBe(bytes.length);
    expect(bytes.equals(content)).toBe(true);
  } finally {
    closeSync(fd);
  }
  // Later where a namespace that was made meanwhile has a copy of the mount.
  await eventually("it is gone with its last file", () => isomount.list().length === 0, 60);
  isomount.expectNothingLeft();
});

it("outlives the command that has started it and does not wait for it any more", async () => {
  if (isomount.daemonPid() !== undefined) isomount.succeed("daemon", "stop");
  const lock = join(isomount.runtime, "isomountd.lock");
  const go = join(isomount.folder, "go");
  const held = join(isomount.folder, "held");
  const script = `touch '${held}'; until [ -e '${go}' ]; do sleep 0.05; done`;
  const holder = isomount.startProgram("flock", lock, "-c", script);
  await eventually("the lock is held", () => existsSync(held));
  const starter = spawn(process.execPath, [program, "daemon", "start"], {
    env: isomount.surroundings.env,
    stdio: "ignore",
  });
  const children = `/proc/${starter.pid}/task/${starter.pid}/children`;
  const child = () => Number(readFileSync(children, "latin1").trim());
  await eventually("it has started the daemon", child);
  const daemon = child();
  const isOpen = () => descriptors(daemon).some((each) => each.endsWith(` ${lock}`));
  await eventually("the daemon waits", isOpen);
  starter.kill("SIGKILL");
  writeFileSync(go, "");
  await holder;
  await eventually("it serves", () => isomount.daemonInfo().pid === daemon);
  const path = isomount.mount(image);
  expect(isomount.daemonInfo().pid).toBe(daemon);
  isomount.succeed("umount", path);
});

it("keeps what a thousand bands are read by with one keeper, and only while it is mounted", async () => {
  const bundle = join(isomount.folder, "disc.sparsebundle");
  const bands = writeSparseBundle(bundle, readFileSync(image), 1024);
  const path = isomount.mount(bundle, "sleep-timeout=1");
  const keeper = isomount.daemonInfo().keeper?.pid as number;
  await eventually("it has them all", () => descriptors(keeper).length > bands);
  await eventually("it sleeps", () => isomount.list()[0].state === "asleep");
  await killDaemon();
  await eventually("there is another", () => isomount.daemonPid());
  expect(readFileSync(join(path, "large")).equals(content)).toBe(true);
  expect(isomount.daemonInfo().keeper?.pid).toBe(keeper);
  isomount.succeed("umount", path);
  await eventually("it holds none any more", () => descriptors(keeper).length < 64);
});

it("waits for descriptors that it needs for another server, for seconds", async () => {
  const path = isomount.mount(image);
  const [{ pid }] = isomount.list();
  const daemon = String(isomount.daemonPid());
  const limit = (most: string) =>
    isomount.runProgram("prlimit", "--pid", daemon, `--nofile=${most}:`);
  const before = isomount.runProgram(
    "prlimit",
    "--pid",
    daemon,
    "--nofile",
    "-o",
    "SOFT",
    "--noheadings",
  );
  expect(limit("8")).toMatchObject({ status: 0 });
  try {
    process.kill(pid, "SIGKILL");
    // Six attempts take two.
    await pause(4_000);
  } finally {
    limit(before.stdout.trim());
  }
  expect(readFileSync(join(path, "large")).equals(content)).toBe(true);
  isomount.succeed("umount", path);
});

describe("what an unmount leaves undone", () => {
  it("is done by the daemon that comes, though nothing is mounted any more", async () => {
    const path = isomount.succeed(image).trim();
    await killDaemon();
    isomount.runProgram("umount", path);
    await eventually("the folder that was made is gone", () => !existsSync(path));
    await eventually("so is the record", () => !hasFile(/^m\d+\.(json|mounting)$/));
  });
});

function hasFile(name: RegExp): boolean {
  return readdirSync(isomount.runtime).some((each) => name.test(each));
}

describe.skipIf(!isRoot)("a mount that was made, and not recorded", () => {
  it("is taken away by the next daemon, with the folder that was made for it", async () => {
    if (isomount.daemonPid() !== undefined) isomount.succeed("daemon", "stop");
    const made = join(isomount.folder, "made");
    mkdirSync(made);
    const attempt = { id: "m41", uid: 0, mountpoint: made, earlier: [] };
    const parent = { parent: isomount.folder, name: "made" };
    writeFileSync(
      join(isomount.runtime, "m41.mounting"),
      JSON.stringify({ ...attempt, made: parent }),
    );
    const mountpoint = openSync(made, O_PATH_DIRECTORY);
    const request = {
      mountpoint,
      source: image,
      maxReadBytes: 4096,
      private: false,
      noexec: false,
    };
    const { fuse } = await mountFuse(request);
    closeSync(mountpoint);
    // As the end of the daemon does.
    closeSync(fuse);
    expect(isomount.list()).toEqual([]);
    await eventually("the folder is gone", () => !existsSync(made));
    expect(mountsHere()).toEqual([]);
    expect(hasFile(/\.mounting$/)).toBe(false);
    expect(isomount.daemonLog()).toMatch(/ warn: \S+made: isomountd died while it mounted this/);
  });
});

describe.skipIf(!isRoot || !hasStrace)("a daemon that is killed", () => {
  const tracers: (() => void)[] = [];
  afterEach(() => {
    for (const end of tracers.splice(0)) end();
  });

  /** It gets SIGKILL as a thread of it enters that system call for the nth time from now on. */
  async function killAt(call: string, nth = 1): Promise<void> {
    isomount.succeed("daemon", "start");
    const pid = isomount.daemonPid() as number;
    const inject = `inject=${call}:signal=KILL:when=${nth}`;
    const threads = readdirSync(`/proc/${pid}/task`).flatMap((thread) => ["-p", thread]);
    const tracer = spawn("strace", [...threads, "-o", "/dev/null", "-e", inject], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    tracers.push(() => tracer.kill());
    let said = "";
    await new Promise<void>((attached) => {
      tracer.stderr.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        if (said.split("attached").length > threads.length / 2) attached();
      });
    });
  }

  it.each([
    ["as it connects to the server", "connect"],
    ["as it starts the server", "clone"],
    ["before it makes the folder", "mkdir"],
    ["before it mounts", "mount"],
    ["before it has written the record", "rename"],
  ])("%s leaves no mount, no folder and no process", async (_, call) => {
    await killAt(call);
    const outcome = isomount.run(image);
    expect(outcome).toMatchObject({ status: 2, stdout: "" });
    expect(outcome.stderr).toContain("isomountd closed the connection");
    expect(mountsHere()).toEqual([]);
    const victims = new Victims(isomount.runtime);
    const { spare } = isomount.daemonInfo();
    await eventually("no server is left", () =>
      victims.processesOfServers().every((pid) => pid === spare?.pid || pid === spare?.launcher),
    );
    await eventually("nothing is noted", () => !hasFile(/^m\d+\.(json|mounting)$/));
    expect(foldersMade()).toEqual([]);
  });

  it("once the server serves leaves a mount that the command finds", async () => {
    await killAt("sendmsg", 4);
    const { mountpoint } = JSON.parse(isomount.succeed(image, "--json")) as MountInfo;
    expect(readFileSync(join(mountpoint, "large")).equals(content)).toBe(true);
    isomount.succeed("umount", mountpoint);
    expect(existsSync(mountpoint)).toBe(false);
  });

  it("while it unmounts is followed by one that has unmounted", async () => {
    const path = isomount.succeed(image).trim();
    await killAt("unlink");
    expect(isomount.run("umount", path)).toMatchObject({ status: 0, stderr: "" });
    expect(mountsHere()).toEqual([]);
    await eventually("the folder that was made is gone", () => !existsSync(path));
    expect(isomount.list()).toEqual([]);
  });
});

it("tells who is asked for something at once that the server has died meanwhile", async () => {
  const sheet = join(isomount.folder, "sheet.cue");
  writeFileSync(sheet, 'FILE "sheet.bin" BINARY\n  TRACK 01 MODE1/2048\n    INDEX 01 00:00:00\n');
  isomount.succeed("daemon", "start");
  const connection = Connection.open(controlSocket(isomount.runtime), 20);
  const fd = openSync(sheet, "r");
  try {
    const before = isomount.servers();
    const owner = { uid: 0, gid: 0 };
    const params = { image: sheet, options: {}, owner, timeZone: "UTC" };
    const asked = connection.call("open", params, [fd]);
    expect(asked).toMatchObject({ need: { kind: "neighbour", path: "sheet.bin" } });
    const [server] = isomount.servers().filter((pid) => !before.includes(pid));
    process.kill(server, "SIGKILL");
    await eventually("it is gone", () => !isomount.servers().includes(server));
    const answer = () => connection.call("supply", { session: asked.session, error: "none" });
    expect(answer).toThrow(`the server ended while it opened ${sheet}`);
  } finally {
    closeSync(fd);
    connection.close();
  }
});

describe.skipIf(!isRoot || !hasStrace)("a command that is killed", () => {
  it.each([
    // Its first message has the image opened.
    ["as it asks for the mount", "sendmsg:signal=KILL:when=2", 0],
    ["once it has the answer", "exit_group:signal=KILL", 1],
  ])("%s leaves no folder but that of a mount", (_, when, mounts) => {
    isomount.succeed("daemon", "start");
    const strace = ["-o", "/dev/null", "-e", `inject=${when}`];
    const words = [...strace, process.execPath, program, image];
    expect(isomount.runProgram("strace", ...words).status).not.toBe(0);
    expect(isomount.list()).toHaveLength(mounts);
    expect(foldersMade()).toHaveLength(mounts);
    isomount.succeed("umount", "--all");
    expect(foldersMade()).toEqual([]);
  });
});
