/** Servers that cannot live for want of what the machine may have again: memory, processes, descriptors. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { buildIso, file, folder } from "../fixtures/iso9660/iso-builder.js";
import { startIsomount } from "../support/isomount.js";
import { eventually } from "../support/processes.js";

const isomount = startIsomount();
const image = join(isomount.folder, "disc.iso");
const content = Buffer.alloc(500_000, "content ");

beforeAll(() => writeFileSync(image, buildIso(folder("", [file("LARGE.;1", content)]))));

const state = () => isomount.list()[0]?.state;

it("are not started again and again where they are killed and nobody reads", async () => {
  const path = isomount.mount(image);
  for (let kills = 0; state() !== "asleep"; kills++) {
    expect(kills).toBeLessThan(20);
    const [{ pid, restarts }] = isomount.list();
    process.kill(pid, "SIGKILL");
    const isNext = () => state() === "asleep" || isomount.list()[0].restarts > restarts;
    await eventually("it has ended", isNext);
    await eventually("there is another", () => state() !== "reviving");
  }
  expect(isomount.daemonLog()).toMatch(/ warn: \S+: its servers end one after the other/);
  expect(readFileSync(join(path, "large")).equals(content)).toBe(true);
  expect(state()).toBe("serving");
  isomount.succeed("umount", path);
  isomount.expectNothingLeft();
});

/** Its server is killed while the daemon has no descriptor left, until the log says that. */
async function bereave(saying: RegExp): Promise<void> {
  const [{ pid }] = isomount.list();
  const daemon = String(isomount.daemonPid());
  const limit = (...words: string[]) => isomount.runProgram("prlimit", "--pid", daemon, ...words);
  const before = limit("--nofile", "-o", "SOFT", "--noheadings").stdout.trim();
  expect(limit("--nofile=3:")).toMatchObject({ status: 0 });
  try {
    process.kill(pid, "SIGKILL");
    // It is waited for half a minute.
    await eventually("it gives up", () => saying.test(isomount.daemonLog()), 50);
  } finally {
    limit(`--nofile=${before}:`);
  }
}

it("do not take their mounts with them where none can be started and nobody reads", async () => {
  const path = isomount.mount(image);
  await bereave(/ warn: .* no server can be started: .*; it is tried/);
  expect(state()).toBe("asleep");
  expect(readFileSync(join(path, "large")).equals(content)).toBe(true);
  isomount.succeed("umount", path);
  isomount.expectNothingLeft();
});

it("leave no dead mount where there is not even a descriptor to unmount with", async () => {
  const path = isomount.mount(image, "sleep-timeout=0");
  await bereave(/ warn: \S+: not unmounted yet: /);
  await eventually("it is unmounted", () => isomount.list().length === 0);
  expect(readdirSync(path)).toEqual([]);
  isomount.expectNothingLeft();
});
