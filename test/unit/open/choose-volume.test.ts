/** What a whole image is shown as: bridges, hybrids, sessions, partitions. */
import { mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { OpenOptions } from "../../../image-core/format.js";
import { openImage } from "../../../image-core/open/open-image.js";
import { FileSource } from "../../../image-core/source/file-source.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { buildGpt } from "../../fixtures/partition/gpt.js";
import { testContext } from "../../support/context.js";
import { run, scratch } from "../../support/tools.js";
import { walk } from "../../support/walk.js";

const folder = scratch("choose");

function tree(name: string, ...files: string[]): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  for (const file of files) writeFileSync(join(path, file), `${file}\n`);
  return path;
}

async function open(image: string, options: OpenOptions = {}) {
  const file = new FileSource(openSync(image, "r"));
  return openImage(file, testContext({ options }));
}

async function paths(image: string, options: OpenOptions = {}): Promise<string[]> {
  return [...walk((await open(image, options)).volume).keys()].sort();
}

it("shows every tree and every earlier session as a folder", async () => {
  const image = join(folder, "sessions.iso");
  run("xorriso", ["-outdev", image, "-volid", "S", "-map", tree("a", "one"), "/", "-commit"]);
  run("xorriso", ["-dev", image, "-map", tree("b", "two"), "/", "-commit"]);
  expect(await paths(image)).toEqual(["/", "/one", "/two"]);
  expect(await paths(image, { view: "all" })).toEqual([
    "/",
    "/iso9660",
    "/iso9660/one",
    "/iso9660/two",
    "/rockridge",
    "/rockridge/one",
    "/rockridge/two",
    "/session-1",
    "/session-1/one",
  ]);
});

it("takes the filesystem that shows more of a bridge disc", async () => {
  const both = tree("both", "a", "b", "c");
  const image = join(folder, "bridge.iso");
  run("genisoimage", ["-quiet", "-udf", "-R", "-o", image, both]);
  const same = (await open(image)).description.volume;
  expect([same.format, same.view?.available]).toEqual(["iso9660", ["rockridge", "iso9660", "udf"]]);
  const hiding = join(folder, "hiding.iso");
  run("genisoimage", ["-quiet", "-udf", "-R", "-hide", "b", "-hide", "c", "-o", hiding, both]);
  const richer = (await open(hiding)).description.volume;
  expect(richer.format).toBe("udf");
  expect(richer.view?.reason).toContain("shows more");
  expect(await paths(hiding, { view: "rockridge" })).toEqual(["/", "/a"]);
});

it("shows several partitions as folders, one of them by its number, and no missing one", async () => {
  const image = join(folder, "disk.img");
  run("truncate", ["-s", "40M", image]);
  run("sh", ["-c", `printf '2048,32768,83\\n34816,32768,83\\n' | sfdisk -q ${image}`]);
  for (const [label, offset] of [
    ["alpha", 2048],
    ["beta", 34816],
  ] as const) {
    const volume = join(folder, `${label}.ext`);
    run("mke2fs", ["-q", "-F", "-L", label, "-d", tree(label, `${label}.txt`), volume, "16M"]);
    run("dd", [`if=${volume}`, `of=${image}`, "bs=512", `seek=${offset}`, "conv=notrunc"]);
  }
  const all = await paths(image);
  expect(all).toEqual(expect.arrayContaining(["/alpha/alpha.txt", "/beta/beta.txt"]));
  expect(await paths(image, { partition: "2" })).toContain("/beta.txt");
  expect(await paths(image, { partition: "alpha" })).toContain("/alpha.txt");
  await expect(open(image, { partition: "3" })).rejects.toThrow(
    "partition=3: there is no such partition; the image has 1, 2",
  );
});

it("opens no more volumes than any table has, wherever a thousand entries lead", async () => {
  const volume = join(folder, "one.fat");
  run("mkfs.fat", ["-C", volume, "360"]);
  const type = new Uint8Array(16).fill(5);
  const entry = { type, startingLBA: 500, endingLBA: 1219, name: "" };
  const disk = buildGpt(512, 2000, 128, new Array(1000).fill(entry));
  disk.set(readFileSync(volume), 500 * 512);
  const { volume: shown, description } = await openImage(new MemorySource(disk), testContext());
  expect(walk(shown).size).toBe(257);
  expect(description.warnings.join()).toMatch(/partition 257 and those behind it: only 256/);
});

it("says what an image is that it does not read, and what is no image at all", async () => {
  const image = join(folder, "nothing.img");
  writeFileSync(image, Buffer.alloc(1 << 20));
  await expect(open(image)).rejects.toThrow("is this a disk image?");
  run("mksquashfs", [tree("s", "x"), join(folder, "x.squashfs"), "-quiet", "-no-progress"]);
  await expect(open(join(folder, "x.squashfs"))).rejects.toThrow(/SquashFS 4.0.*not read it yet/);
});
