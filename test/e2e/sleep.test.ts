/** Servers that sleep until something is asked, and the keeper that brings mounts back. */
import { createHash } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readMountinfo } from "../../fs-adapter/mounting/mountinfo.js";
import { buildIso, file, folder } from "../fixtures/iso9660/iso-builder.js";
import { ORDINARY_USER, startIsomount } from "../support/isomount.js";
import { eventually } from "../support/processes.js";

const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff));
const digest = createHash("sha256").update(content).digest("hex");
const disc = buildIso(
  folder("", [file("LARGE.;1", content), folder("DIR", [file("SMALL.;1", "small\n")])]),
);

describe.each([
  ["root", undefined],
  ["a user", ORDINARY_USER],
])("%s's mount", (_, uid) => {
  const isomount = startIsomount(uid);
  let image: string;

  beforeAll(() => {
    image = join(isomount.folder, "disc.iso");
    writeFileSync(image, disc);
    isomount.give(image);
  });

  const state = () => isomount.list().map((mount) => mount.state);
  const asleep = () => eventually("its server sleeps", () => state()[0] === "asleep", 20);

  /** As whoever may read it, in a process that a stuck mount cannot take with it. */
  const read = (path: string) =>
    isomount.runProgram("sha256sum", join(path, "large")).stdout.split(" ")[0];

  function killDaemon(): void {
    const pid = isomount.daemonPid()!;
    process.kill(pid, "SIGKILL");
  }

  it("has no server after a while without requests, and df starts none", async () => {
    const path = isomount.mount(image, "sleep-timeout=1");
    expect(read(path)).toBe(digest);
    await asleep();
    expect(isomount.list()[0].pid).toBe(0);
    expect(isomount.servers()).toEqual([]);
    const [size, blocks] = isomount.runProgram("stat", "-f", "-c", "%S %b", path).stdout.split(" ");
    expect(Number(size) * Number(blocks)).toBe(disc.length);
    expect(state()).toEqual(["asleep"]);
    // Never seen before: neither the name nor the bytes are in the kernel's cache.
    expect(isomount.runProgram("cat", join(path, "dir", "small")).stdout).toBe("small\n");
    expect(read(path)).toBe(digest);
    const [{ restarts, statistics }] = isomount.list();
    expect(restarts).toBe(0);
    expect(statistics.requests).toBeGreaterThan(0);
    await asleep();
    isomount.succeed("umount", path);
    isomount.expectNothingLeft();
  });

  it("sleeps through the death of the daemon and of the keeper", async () => {
    const path = isomount.mount(image, "sleep-timeout=1");
    await asleep();
    killDaemon();
    expect(state()).toEqual(["asleep"]);
    const { keeper } = isomount.daemonInfo();
    process.kill(keeper!.pid, "SIGKILL");
    await eventually("another keeper is there", () => {
      const { pid } = isomount.daemonInfo().keeper ?? { pid: keeper!.pid };
      return pid !== keeper!.pid;
    });
    killDaemon();
    isomount.list();
    expect(isomount.runProgram("cat", join(path, "dir", "small")).stdout).toBe("small\n");
    expect(state()).toEqual(["serving"]);
    isomount.succeed("umount", path);
    isomount.expectNothingLeft();
  });

  it("is served again after the daemon and its server were killed at once", async () => {
    const path = isomount.mount(image);
    expect(read(path)).toBe(digest);
    const [{ pid }] = isomount.list();
    expect(pid).toBeGreaterThan(0);
    process.kill(isomount.daemonPid()!, "SIGSTOP");
    process.kill(pid, "SIGKILL");
    killDaemon();
    // Asked while nobody is there to answer.
    const waiting = isomount.startProgram("cat", join(path, "dir", "small"));
    isomount.list();
    expect(await waiting).toMatchObject({ status: 0, stdout: "small\n" });
    expect(read(path)).toBe(digest);
    isomount.succeed("umount", path);
    isomount.expectNothingLeft();
  });

  it("gets a daemon again without anybody calling isomount", async () => {
    const path = isomount.mount(image, "sleep-timeout=1");
    await asleep();
    killDaemon();
    expect(isomount.runProgram("cat", join(path, "dir", "small")).stdout).toBe("small\n");
    const umount = uid === undefined ? ["umount"] : ["fusermount3", "-u"];
    expect(isomount.runProgram(umount[0], ...umount.slice(1), path).status).toBe(0);
    isomount.expectNothingLeft();
  });

  it("is found again by the next daemon where a folder above it was renamed", async () => {
    const above = join(isomount.folder, "above");
    isomount.runProgram("mkdir", "-p", join(above, "mnt"));
    isomount.succeed(image, join(above, "mnt"));
    const renamed = join(isomount.folder, "renamed");
    renameSync(above, renamed);
    const moved = join(renamed, "mnt");
    expect(isomount.list()[0].mountpoint).toBe(moved);
    killDaemon();
    expect(isomount.list()[0]).toMatchObject({ mountpoint: moved, state: "serving" });
    expect(read(moved)).toBe(digest);
    isomount.succeed("umount", moved);
    expect(readMountinfo().some(({ mountpoint }) => mountpoint === moved)).toBe(false);
  });
});
