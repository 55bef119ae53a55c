/**
 * A killed server that does not go: a thread of it waits in the kernel for an answer that does not
 * come, as from a dead NFS export. Its successor serves at once, and nothing waits for its end.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import type { MountInfo } from "../../daemon/rpc/protocol.js";
import { buildIso, file, folder } from "../fixtures/iso9660/iso-builder.js";
import { type Outcome, startIsomount } from "../support/isomount.js";
import { eventually } from "../support/processes.js";
import { run } from "../support/tools.js";

const BLOCK = 4096;
const content = Buffer.alloc(4 * 1024 * 1024);
for (let at = 0; at < content.length; at += 4) content.writeUInt32LE(at, at);
const iso = buildIso(folder("", [file("LARGE.;1", content)]));
const withholding = join(import.meta.dirname, "../support/withholding.ts");

const isomount = startIsomount();
// So that a server at one request is found to hang within seconds.
isomount.environment.ISOMOUNT_HANG_SECONDS = "2";

const releases: (() => void)[] = [];
afterEach(() => {
  for (const release of releases.splice(0)) release();
});

interface Stuck {
  mountpoint: string;
  /** Its serving thread waits for an answer about the image. */
  server: MountInfo;
  /** Whoever asked the server for the block. */
  reader: Promise<Outcome>;
}

/** By the states in /proc/PID/task/TID/stat. */
function threadStates(pid: number): string[] {
  const state = (path: string) =>
    /\) (\w) /.exec(readFileSync(`${path}/stat`, "latin1"))?.[1] ?? "";
  try {
    return readdirSync(`/proc/${pid}/task`).map((tid) => state(`/proc/${pid}/task/${tid}`));
  } catch (error) {
    // It has ended, between two looks perhaps.
    const { code = "" } = error as NodeJS.ErrnoException;
    if (["ENOENT", "ESRCH"].includes(code)) return [];
    throw error;
  }
}

/** The main thread is dead, another cannot be. */
function isUndead(pid: number): boolean {
  const states = threadStates(pid);
  return states.includes("Z") && states.includes("D");
}

async function stickServer(): Promise<Stuck> {
  const scratch = mkdtempSync(join(isomount.folder, "stuck-"));
  const [below, control] = ["below", "control"].map((name) => join(scratch, name));
  mkdirSync(below);
  mkdirSync(control);
  const image = join(scratch, "image.iso");
  writeFileSync(image, iso);
  const filesystem: ChildProcess = spawn(
    process.execPath,
    ["--import", "tsx", withholding, below, image, control],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  // What waits gets an error then, and is gone.
  releases.push(() => {
    filesystem.kill("SIGKILL");
    run("umount", ["--lazy", below]);
  });
  await once(filesystem.stdout!, "data");
  const mountpoint = isomount.mount(join(below, "image"));
  const server = isomount.list().find((mount) => mount.mountpoint === mountpoint) as MountInfo;
  writeFileSync(join(control, "hold"), "");
  const reader = isomount.startProgram(
    ...["timeout", "-s", "KILL", "40", "dd", `if=${join(mountpoint, "large")}`],
    ...["skip=700", "count=1", `bs=${BLOCK}`, "iflag=direct", "status=none"],
    `of=${join(scratch, "read")}`,
  );
  await eventually("the answer is withheld", () => existsSync(join(control, "held")));
  return {
    mountpoint,
    server,
    reader: reader.then((outcome) => {
      expect(outcome).toMatchObject({ status: 0, stderr: "" });
      const read = readFileSync(join(scratch, "read"));
      expect(read.equals(content.subarray(700 * BLOCK, 701 * BLOCK))).toBe(true);
      return outcome;
    }),
  };
}

const now = ({ mountpoint }: Stuck) =>
  isomount.list().find((mount) => mount.mountpoint === mountpoint) as MountInfo;

/** The mount is gone, and the dead server has kept nobody waiting for its end. */
function unmountInTime({ mountpoint, server }: Stuck): void {
  expect(isUndead(server.pid)).toBe(true);
  const started = Date.now();
  isomount.succeed("umount", mountpoint);
  expect(Date.now() - started).toBeLessThan(5_000);
  expect(isUndead(server.pid)).toBe(true);
}

async function gone(pid: number): Promise<void> {
  for (const release of releases.splice(0)) release();
  await eventually("the dead server has gone", () => threadStates(pid).length === 0);
}

describe("a server that was killed and stays in the kernel", () => {
  it("has a successor at once, which answers what it had in hand", async () => {
    const stuck = await stickServer();
    const killed = Date.now();
    process.kill(stuck.server.pid, "SIGKILL");
    await stuck.reader;
    expect(Date.now() - killed).toBeLessThan(5_000);
    expect(now(stuck)).toMatchObject({ state: "serving", restarts: 1 });
    unmountInTime(stuck);
    await gone(stuck.server.pid);
  });

  it("is replaced, too, when the daemon has found it to hang", async () => {
    const stuck = await stickServer();
    await stuck.reader;
    expect(now(stuck)).toMatchObject({ state: "serving", restarts: 1 });
    expect(isomount.daemonLog()).toContain("its server has been at one request for");
    unmountInTime(stuck);
    await gone(stuck.server.pid);
  });

  it("keeps nobody from restarting the daemon", async () => {
    const stuck = await stickServer();
    process.kill(stuck.server.pid, "SIGKILL");
    const started = Date.now();
    isomount.succeed("daemon", "restart");
    expect(Date.now() - started).toBeLessThan(8_000);
    await stuck.reader;
    expect(now(stuck)).toMatchObject({ state: "serving" });
    unmountInTime(stuck);
    await gone(stuck.server.pid);
  });

  it("is not taken for a living one by the daemon after its own", async () => {
    const stuck = await stickServer();
    const daemon = isomount.daemonPid() as number;
    // So that it sees no server die.
    process.kill(daemon, "SIGSTOP");
    process.kill(stuck.server.pid, "SIGKILL");
    process.kill(daemon, "SIGKILL");
    await eventually("it stays", () => isUndead(stuck.server.pid));
    await stuck.reader;
    expect(now(stuck)).toMatchObject({ state: "serving" });
    expect(now(stuck).pid).not.toBe(stuck.server.pid);
    unmountInTime(stuck);
    await gone(stuck.server.pid);
  });
});

describe("a daemon that was stopped for longer than a server may be silent", () => {
  it("does not take its own absence for theirs", async () => {
    const image = join(isomount.folder, "plain.iso");
    writeFileSync(image, iso);
    const path = isomount.mount(image);
    const daemon = isomount.daemonPid() as number;
    const mine = () => isomount.list().find(({ mountpoint }) => mountpoint === path);
    const server = mine()?.pid;
    process.kill(daemon, "SIGSTOP");
    try {
      await pause(4_000);
    } finally {
      process.kill(daemon, "SIGCONT");
    }
    // It asks four times within the two seconds.
    await pause(1_000);
    expect(mine()).toMatchObject({ pid: server, restarts: 0 });
    isomount.succeed("umount", path);
  });
});
