/** Unmounting by itself, and who is in the way. */
import { closeSync, existsSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { startIsomount } from "../support/isomount.js";
import { run, scratch } from "../support/tools.js";
import { makeSource } from "../torture/images.js";

const folder = scratch("idle");
const image = join(folder, "idle.iso");
const isomount = startIsomount();

beforeAll(() => {
  run("xorriso", ["-outdev", image, "-volid", "IDLE", "-map", makeSource(folder), "/", "-commit"]);
});

async function within(seconds: number, done: () => boolean): Promise<boolean> {
  const deadline = Date.now() + seconds * 1000;
  while (!done()) {
    if (Date.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return true;
}

it("unmounts what nobody has used for a while, and not what is in use", async () => {
  const mount = isomount.mount(image, "idle-timeout=1");
  const fd = openSync(join(mount, "small"), "r");
  expect(await within(4, () => isomount.list().length === 0)).toBe(false);
  closeSync(fd);
  expect(await within(10, () => isomount.list().length === 0)).toBe(true);
  expect(readdirSync(mount)).toEqual([]);
  expect(isomount.leftovers()).toEqual([]);
});

it("removes a mountpoint that was made for it", async () => {
  const mount = isomount.succeed(image, "-o", "idle-timeout=1").trim();
  expect(existsSync(mount)).toBe(true);
  // To look at the folder would be to use it: the list tells when it is gone.
  expect(await within(10, () => isomount.list().length === 0)).toBe(true);
  expect(await within(1, () => !existsSync(mount))).toBe(true);
});

it("says who keeps a mount busy", () => {
  const mount = isomount.mount(image);
  const fd = openSync(join(mount, "large"), "r");
  const { status, stderr } = isomount.run("umount", mount);
  expect(status).toBe(32);
  expect(stderr).toContain(`(${process.pid}: ${join(mount, "large")})`);
  closeSync(fd);
  isomount.succeed("umount", mount);
});
