/** The runtime folder, where it holds what this daemon does not know, or has no room left. */
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Finding } from "../../daemon/doctor/finding.js";
import { close } from "../../fs-adapter/system/libc.js";
import { listenUnix } from "../../fs-adapter/system/unix-socket.js";
import { buildIso, file, folder } from "../fixtures/iso9660/iso-builder.js";
import { Isomount, program, startIsomount } from "../support/isomount.js";
import { eventually } from "../support/processes.js";
import { run } from "../support/tools.js";

const isomount = startIsomount();
const image = join(isomount.folder, "disc.iso");
const isomountd = program.replace(/isomount\.js$/, "isomountd.js");

beforeAll(() => writeFileSync(image, buildIso(folder("", [file("A.TXT;1", "a\n")]))));

describe("a record of a mount", () => {
  it.each([
    ["of a newer version", '{"version":99,"id":"m7","since":"what"}', "is of version 99"],
    ["that is no JSON", "{", "JSON"],
    ["that is nothing", "null", "record is no object"],
    ["of another mount", '{"version":1,"id":"../m7"}', "is of another mount, ../m7"],
    ["without its fields", '{"version":1,"id":"m7"}', "record.image is missing"],
  ])("%s is left alone, and named in the log", (_, text, reason) => {
    const record = join(isomount.runtime, "m7.json");
    writeFileSync(record, text);
    isomount.succeed("daemon", "start");
    const path = isomount.mount(image);
    expect(readFileSync(join(path, "a.txt"), "utf8")).toBe("a\n");
    expect(readFileSync(record, "utf8")).toBe(text);
    expect(isomount.daemonLog()).toMatch(new RegExp(` warn: m7\\.json is left alone: .*${reason}`));
    isomount.succeed("umount", path);
    isomount.succeed("daemon", "stop");
  });
});

it("keeps for a newer daemon what only that one understands", async () => {
  const path = isomount.mount(image, "sleep-timeout=1");
  const [{ id }] = isomount.list();
  await eventually("it sleeps", () => isomount.list()[0].state === "asleep");
  const record = join(isomount.runtime, `${id}.json`);
  const text = readFileSync(record, "utf8");
  isomount.succeed("daemon", "restart");
  writeFileSync(record, text.replace('"version":1', '"version":99'));
  isomount.succeed("daemon", "restart");
  expect(isomount.list()).toEqual([]);
  const other = isomount.mount(image);
  expect(isomount.list().map((mount) => mount.id)).not.toContain(id);
  writeFileSync(record, text);
  isomount.succeed("daemon", "restart");
  expect(isomount.list().map((mount) => mount.mountpoint)).toEqual([path, other]);
  expect(readFileSync(join(path, "a.txt"), "utf8")).toBe("a\n");
  for (const each of [path, other]) isomount.succeed("umount", each);
  isomount.succeed("daemon", "stop");
});

it("belongs to one daemon at a time", () => {
  isomount.succeed("daemon", "start");
  const pid = isomount.daemonPid();
  const { status, stderr } = isomount.runProgram(process.execPath, isomountd);
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: `isomountd: already running: another isomountd serves ${isomount.runtime}\n`,
  });
  expect(isomount.daemonPid()).toBe(pid);
});

it("waits for one that has taken over the folder and does not listen yet", async () => {
  if (isomount.daemonPid() !== undefined) isomount.succeed("daemon", "stop");
  const lock = join(isomount.runtime, "isomountd.lock");
  // What a daemon that was killed has left: nobody listens there.
  close(listenUnix(join(isomount.runtime, "control.sock")));
  const holder = isomount.startProgram("flock", lock, "-c", "touch held; sleep 1");
  await eventually("the lock is held", () => existsSync(join(isomount.folder, "held")));
  expect(isomount.run("daemon", "start")).toMatchObject({ status: 0, stderr: "" });
  await holder;
});

const isRoot = process.getuid!() === 0;
if (!isRoot) console.log("skipped: only root makes file systems without room, and users");

describe.skipIf(!isRoot)("a runtime folder without room", () => {
  const full = new Isomount();
  // The log that lies beside would have no room either.
  const log = join(full.folder, "log");
  const configuration = join(full.folder, "isomountd.toml");
  full.environment.ISOMOUNT_CONFIG = configuration;
  beforeAll(() => {
    run("mount", ["-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", full.runtime]);
    writeFileSync(configuration, `log-file = "${log}"`);
    full.succeed("daemon", "start");
    fill("filler");
  });
  afterAll(() => {
    run("umount", ["--lazy", full.runtime]);
    full.end();
  });

  function fill(name: string): void {
    for (let size = 32_768; size > 0; size = size >> 1) {
      try {
        for (;;) writeFileSync(join(full.runtime, name), Buffer.alloc(size), { flag: "a" });
      } catch (error) {
        expect((error as NodeJS.ErrnoException).code).toBe("ENOSPC");
      }
    }
  }

  it("mounts all the same, and says what that costs", async () => {
    const path = full.mount(image);
    expect(readFileSync(join(path, "a.txt"), "utf8")).toBe("a\n");
    expect(existsSync(join(full.runtime, "m1.json"))).toBe(false);
    full.succeed("umount", path);
    expect(full.list()).toEqual([]);
    const ours = [`mount ${full.runtime}`];
    await eventually("nothing else is left", () => `${full.leftovers()}` === `${ours}`);
    expect(readFileSync(log, "utf8")).toMatch(
      / warn: \S+mnt1: its record cannot be written, so it is kept in memory: ENOSPC/,
    );
  });

  it("is no reason to lose a mount with its daemon, not even one that sleeps", async () => {
    const path = full.mount(image, "sleep-timeout=1");
    await eventually("it sleeps", () => full.list()[0].state === "asleep");
    expect(readdirSync(full.runtime).filter((name) => name.startsWith("m2"))).toEqual([]);
    process.kill(full.daemonPid() as number, "SIGKILL");
    await eventually("there is another", () => full.daemonPid());
    expect(full.list()).toMatchObject([{ id: "m2", mountpoint: path, state: "asleep" }]);
    expect(readFileSync(join(path, "a.txt"), "utf8")).toBe("a\n");
    full.succeed("umount", path);
  });

  it("writes down when there is room again what had none, for the next daemon", async () => {
    const path = full.mount(image);
    expect(readdirSync(full.runtime).filter((name) => name.startsWith("m3"))).toEqual([]);
    full.runProgram("rm", join(full.runtime, "filler"));
    await eventually("the record is there", () => existsSync(join(full.runtime, "m3.json")));
    full.succeed("daemon", "restart");
    expect(full.list()).toMatchObject([{ id: "m3", mountpoint: path }]);
    expect(readFileSync(join(path, "a.txt"), "utf8")).toBe("a\n");
    full.succeed("umount", path);
  });

  it("goes on when there is room again", () => {
    const path = full.mount(image);
    expect(readFileSync(join(full.runtime, "m4.json"), "utf8")).toContain('"id":"m4"');
    full.succeed("umount", path);
    full.succeed("daemon", "stop");
  });
});

it("is served without a log, where that cannot be written", async () => {
  const daemon = new Isomount();
  const words = ["-c", 'exec "$@" 2>/dev/full', "sh", process.execPath, isomountd];
  const ended = daemon.startProgram("sh", ...words);
  await eventually("it listens", () => existsSync(join(daemon.runtime, "control.sock")));
  writeFileSync(join(daemon.folder, "disc.iso"), readFileSync(image));
  const path = daemon.mount(join(daemon.folder, "disc.iso"));
  expect(readFileSync(join(path, "a.txt"), "utf8")).toBe("a\n");
  daemon.end();
  expect((await ended).status).toBe(0);
});

describe.skipIf(!isRoot)("the daemons of two users", () => {
  const daemons = isRoot ? [1, 2].map((user) => startIsomount(user)) : [];

  it("run side by side, and neither serves the other's user", () => {
    const paths = daemons.map((daemon) => {
      const disc = join(daemon.folder, "disc.iso");
      writeFileSync(disc, readFileSync(image));
      return daemon.mount(disc);
    });
    const [first, second] = daemons;
    daemons.forEach((daemon, i) => {
      expect(daemon.list().map(({ mountpoint }) => mountpoint)).toEqual([paths[i]]);
      expect(daemon.runProgram("cat", join(paths[i], "a.txt")).stdout).toBe("a\n");
      expect(daemon.runProgram("cat", join(paths[1 - i], "a.txt")).status).not.toBe(0);
    });
    expect(first.daemonPid()).not.toBe(second.daemonPid());
    for (const daemon of daemons) {
      const { stdout, stderr } = daemon.run("doctor", "--json");
      expect(stderr).toBe("");
      expect((JSON.parse(stdout) as Finding[]).map(({ subject }) => subject)).toContain("daemon");
    }
    chmodSync(first.folder, 0o755);
    second.environment.ISOMOUNT_RUNTIME_DIR = first.runtime;
    const { status, stderr } = second.run("list");
    expect(status).toBe(2);
    expect(stderr).toContain(`${first.runtime} belongs to user 1`);
    delete second.environment.ISOMOUNT_RUNTIME_DIR;
  });
});
