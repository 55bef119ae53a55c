/** Many mounts, at once and one after the other: nothing mixes, nothing grows. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { buildIso, file, folder } from "../fixtures/iso9660/iso-builder.js";
import { Client } from "../support/client.js";
import { startIsomount } from "../support/isomount.js";
import { descriptors, eventually, residentKibibytes } from "../support/processes.js";

const isomount = startIsomount();
const at = (name: string) => join(isomount.folder, name);
let daemon: number;
let client: Client;

const PARALLEL = 20;
const SEQUENTIAL = 200;

beforeAll(() => {
  for (let i = 0; i < PARALLEL; i++) {
    const bytes = buildIso(folder("", [file("NUMBER.TXT;1", `${i}\n`)]));
    writeFileSync(at(`${i}.iso`), bytes);
  }
  client = Client.of(isomount);
  daemon = isomount.daemonPid() as number;
});

it("shows one image in two places", () => {
  const [first, second] = [isomount.mount(at("1.iso")), isomount.mount(at("1.iso"))];
  for (const path of [first, second]) {
    expect(readFileSync(join(path, "number.txt"), "utf8")).toBe("1\n");
  }
  expect(new Set(isomount.list().map(({ pid }) => pid)).size).toBe(2);
  isomount.succeed("umount", first);
  expect(readFileSync(join(second, "number.txt"), "utf8")).toBe("1\n");
  isomount.succeed("umount", at("1.iso"));
  isomount.expectNothingLeft();
});

it("does not put one image twice on one folder", () => {
  const path = isomount.mount(at("2.iso"));
  for (const image of ["2.iso", "3.iso"]) {
    const { status, stderr } = isomount.run(at(image), path);
    expect(stderr).toContain(`mountpoint ${path} is in use: ${at("2.iso")} is mounted there`);
    expect(status).toBe(32);
  }
  expect(isomount.list().length).toBe(1);
  isomount.succeed("umount", path);
  isomount.expectNothingLeft();
});

it(`mounts and unmounts ${PARALLEL} images at once`, async () => {
  const paths = Array.from({ length: PARALLEL }, () => isomount.newMountpoint());
  const mounted = await Promise.all(paths.map((path, i) => isomount.start(at(`${i}.iso`), path)));
  for (const outcome of mounted) expect(outcome).toEqual({ status: 0, stdout: "", stderr: "" });
  paths.forEach((path, i) => {
    expect(readFileSync(join(path, "number.txt"), "utf8")).toBe(`${i}\n`);
  });
  expect(new Set(client.list().map(({ id }) => id)).size).toBe(PARALLEL);
  const unmounted = await Promise.all(paths.map((path) => isomount.start("umount", path)));
  for (const outcome of unmounted) expect(outcome).toEqual({ status: 0, stdout: "", stderr: "" });
  isomount.expectNothingLeft();
});

it(`starts one daemon where ${PARALLEL / 2} commands find none`, async () => {
  isomount.succeed("daemon", "stop");
  const paths = Array.from({ length: PARALLEL / 2 }, () => isomount.newMountpoint());
  const mounted = await Promise.all(paths.map((path, i) => isomount.start(at(`${i}.iso`), path)));
  for (const outcome of mounted) expect(outcome).toEqual({ status: 0, stdout: "", stderr: "" });
  expect(isomount.list().length).toBe(paths.length);
  isomount.succeed("umount", "--all");
  isomount.expectNothingLeft();
  daemon = isomount.daemonPid() as number;
  client = Client.of(isomount);
});

it(`needs no more for ${SEQUENTIAL} mounts than for one`, { timeout: 180_000 }, async () => {
  const path = isomount.newMountpoint();
  async function rounds(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const number = i % PARALLEL;
      const { id } = await client.mount(at(`${number}.iso`), path);
      expect(readFileSync(join(path, "number.txt"), "utf8")).toBe(`${number}\n`);
      client.umount(id);
    }
    await eventually("the last server is gone", () => isomount.servers(daemon).length === 0);
  }
  await rounds(20);
  // Descriptors at rest; where a pool's thread is in between, it is looked at again.
  const before = descriptors(daemon).length;
  const memory = residentKibibytes(daemon);
  await rounds(SEQUENTIAL - 20);
  await eventually("no descriptor more than before", () => descriptors(daemon).length <= before);
  // What a leak of 64 KiB a mount would add.
  expect(residentKibibytes(daemon) - memory).toBeLessThan((SEQUENTIAL - 20) * 64);
  isomount.expectNothingLeft();
});
