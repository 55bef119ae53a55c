/**
 * Servers that their images have taken over: whatever they send or do to what they were given, the
 * supervisor goes on, other mounts are not touched, and nothing is left of them.
 */
import { cpSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readMountinfo } from "../../fs-adapter/mounting/mountinfo.js";
import { Isomount, program } from "../support/isomount.js";
import { eventually, residentKibibytes } from "../support/processes.js";

const project = join(import.meta.dirname, "../..");
/** Within the project, where the sandbox finds koffi. */
const hostile = join(project, `.work/hostile-${process.pid}`);
let isomount: Isomount;
let daemon: number;

beforeAll(async () => {
  cpSync(join(program, ".."), join(hostile, "dist"), { recursive: true });
  cpSync(join(project, "package.json"), join(hostile, "package.json"));
  await build({
    entryPoints: [join(project, "test/support/hostile-server.ts")],
    outfile: join(hostile, "dist/server.js"),
    bundle: true,
    format: "esm",
    platform: "node",
    external: ["koffi"],
  });
  isomount = new Isomount(undefined, join(hostile, "dist/isomount.js"));
  isomount.succeed("daemon", "start");
  daemon = isomount.daemonPid()!;
}, 60_000);
afterAll(() => {
  isomount.end();
  rmSync(hostile, { recursive: true, force: true });
});

function imageOf(deed: string): string {
  const path = join(isomount.folder, `${deed}.iso`);
  writeFileSync(path, "x");
  return path;
}

function expectUnharmed(): void {
  expect(isomount.run("list")).toMatchObject({ status: 0, stderr: "" });
  expect(existsSync(`/proc/${daemon}`)).toBe(true);
  expect(isomount.daemonInfo().pid).toBe(daemon);
}

describe("while it opens its image, a server that", () => {
  it.each([
    "no-json",
    "null",
    "no-type",
    "prototype",
    "no-need",
    "odd-need",
    "other-need",
    "no-failure",
    "no-description",
    "odd-description",
    "odd-volume",
    "odd-container",
    "no-statistics",
    "needs",
    "patient-needs",
  ])("says %s fails this image, and nothing else", (deed) => {
    const { status, stderr } = isomount.run(imageOf(deed), isomount.newMountpoint());
    expect(stderr).toMatch(/^isomount: [^\n]+\n$/);
    expect(status).toBeGreaterThan(1);
    expectUnharmed();
    expect(isomount.list()).toEqual([]);
  });

  it("says odd findings fails its checking", () => {
    const { status, stderr } = isomount.run("verify", imageOf("odd-findings"));
    expect(stderr).toContain("the server ended while it checked the image");
    expect(status).toBeGreaterThan(1);
    expectUnharmed();
  });
});

describe("while it serves, a server that", () => {
  it.each(["odd-pong", "wrong-pong", "no-defect", "flood", "defects"])(
    "says %s is ended, and its mount can be unmounted",
    async (deed) => {
      isomount.mount(imageOf(deed));
      const [{ id }] = isomount.list();
      await eventually("it is ended", () => (isomount.list()[0]?.restarts ?? 1) > 0, 20);
      expectUnharmed();
      expect(isomount.run("umount", "--lazy", id)).toMatchObject({ status: 0, stderr: "" });
      expectUnharmed();
      await eventually("the mount has ended", () => isomount.list().length === 0, 5);
    },
  );

  // One of them never ends its line.
  it.each([
    ["complaints", 1_000],
    ["long-complaint", 0],
  ])("makes %s does not fill the log", async (deed, least) => {
    const before = statSync(join(isomount.runtime, "isomountd.log")).size;
    isomount.mount(imageOf(deed));
    await sleep(2_000);
    const grown = statSync(join(isomount.runtime, "isomountd.log")).size - before;
    expect(grown).toBeGreaterThan(least);
    expect(grown).toBeLessThan(2_000_000);
    expectUnharmed();
    isomount.succeed("umount", "--all", "--lazy");
    await eventually("the mount has ended", () => isomount.list().length === 0, 5);
  });

  it("says that it is unmounted leaves no dead mount behind", async () => {
    const mountpoint = isomount.mount(imageOf("gone"));
    const isThere = () => readMountinfo().some((entry) => entry.mountpoint === mountpoint);
    await eventually("it is unmounted", () => !isThere(), 10);
    expect(isomount.daemonLog()).toContain("its connection was ended by force; unmounting");
    expectUnharmed();
    expect(isomount.list()).toEqual([]);
  });

  it("starts a program is ended by the system-call filter, and the log says so", async () => {
    isomount.mount(imageOf("program"));
    const [{ id }] = isomount.list();
    const words = "server: ended by the system-call filter (SIGSYS)";
    await eventually("it is said", () => isomount.daemonLog().includes(words), 20);
    await eventually("it has another", () => (isomount.list()[0]?.restarts ?? 1) > 0, 20);
    expectUnharmed();
    expect(isomount.daemonLog()).toContain(`program.iso: ${words}`);
    expect(isomount.run("umount", "--lazy", id)).toMatchObject({ status: 0, stderr: "" });
    await eventually("the mount has ended", () => isomount.list().length === 0, 5);
    expectUnharmed();
  });

  it("cannot take the slots away from its supervisor", async () => {
    const mountpoint = isomount.mount(imageOf("shrink"));
    await eventually("it has tried", () => isomount.daemonLog().includes("slots: EPERM"), 10);
    isomount.succeed("umount", "--lazy", mountpoint);
    // It says nothing of it.
    await eventually("the mount has ended", () => isomount.list().length === 0, 5);
    expectUnharmed();
  });
});

it("keeps nothing of all that", async () => {
  await sleep(3_000);
  expect(readFileSync(`/proc/${daemon}/stat`, "latin1")).toContain(String(daemon));
  console.log(`the supervisor has ${residentKibibytes(daemon)} KiB after all that`);
  expect(residentKibibytes(daemon)).toBeLessThan(200 * 1024);
});
