/** What a whole image is shown as: bridges, hybrids, sessions, partitions. */
import { mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { OpenOptions } from "../../../image-core/format.js";
import { openImage } from "../../../image-core/open/open-image.js";
import { FileSource } from "../../../image-core/source/file-source.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { HfsImage } from "../../fixtures/hfs/volume.js";
import { HfsPlusBuilder, ROOT_CNID } from "../../fixtures/hfsplus/volume.js";
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

/** An MBR disk whose only partition, of `type`, reaches to the disk's end. */
function diskOf(volume: Uint8Array, type: number): MemorySource {
  const disk = Buffer.concat([Buffer.alloc(64 * 512), volume]);
  disk[446 + 4] = type;
  disk.writeUInt32LE(64, 446 + 8);
  disk.writeUInt32LE(volume.length / 512, 446 + 12);
  disk.writeUInt16BE(0x55aa, 510);
  return new MemorySource(disk);
}

it("takes the header at a disk's end for that of its last partition", async () => {
  const builder = new HfsPlusBuilder({ label: "Last" });
  builder.file(ROOT_CNID, "file", { data: "contents" });
  const opened = await openImage(diskOf(builder.build(), 0xaf), testContext());
  expect(opened.description.volume).toMatchObject({ format: "hfsplus", label: "Last" });
  expect([...walk(opened.volume).keys()]).toEqual(["/", "/file"]);
  expect(opened.description.warnings).toEqual([]);
  const hfs = new HfsImage(join(folder, "hfs"), "Old");
  hfs.copy(":file", Buffer.from("contents"));
  const old = await openImage(diskOf(hfs.close(), 0xaf), testContext());
  expect(old.description.volume).toMatchObject({ format: "hfs", label: "Old" });
});

it("does not show a volume that was deleted from an Apple partition map", async () => {
  const volume = (label: string) => {
    const builder = new HfsPlusBuilder({ label });
    builder.file(ROOT_CNID, label, { data: label });
    return Buffer.from(builder.build());
  };
  const parts = [volume("kept"), volume("deleted")];
  const disk = Buffer.concat([Buffer.alloc(64 * 512), ...parts]);
  const starts = [1, 64, 64 + parts[0].length / 512];
  const counts = [63, ...parts.map((part) => part.length / 512)];
  disk.write("ER", "latin1");
  disk.writeUInt16BE(512, 2);
  for (const [i, type] of ["Apple_partition_map", "Apple_HFS", "Apple_Free"].entries()) {
    const entry = disk.subarray(512 * (i + 1));
    entry.write("PM", "latin1");
    [3, starts[i], counts[i]].forEach((value, k) => void entry.writeUInt32BE(value, 4 + 4 * k));
    entry.write(type, 48, "latin1");
  }
  const opened = await openImage(new MemorySource(disk), testContext());
  expect([...walk(opened.volume).keys()]).toEqual(["/", "/kept"]);
  expect(opened.description.partitions?.[2]).toMatchObject({
    type: "Apple_Free",
    size: parts[1].length,
  });
});

it("does not show what a partition held before it was formatted", async () => {
  const builder = new HfsPlusBuilder({ blockSize: 512, nodeSize: 512 });
  for (let i = 0; i < 20; i++) builder.file(ROOT_CNID, `old ${i}`, { data: Buffer.alloc(100_000) });
  const image = join(folder, "formatted.img");
  writeFileSync(image, builder.build());
  // Leaves the catalog and the alternate volume header.
  run("mkfs.fat", ["-n", "NEW", image]);
  const { volume } = (await open(image)).description;
  expect(volume).toMatchObject({ format: "fat", label: "NEW" });
});

it("tells a label with a slash as it is, and escapes it where it names a folder", async () => {
  const image = join(folder, "slash.img");
  run("truncate", ["-s", "4M", image]);
  run("sh", ["-c", `printf '2048,2048,83\\n4096,2048,83\\n' | sfdisk -q ${image}`]);
  for (const [label, offset] of [
    ["AC/DC", 2048],
    ["50%\u241b", 4096],
  ] as const) {
    const volume = join(folder, "slash.ext");
    run("mke2fs", ["-q", "-F", "-L", label, volume, "1M"]);
    run("dd", [`if=${volume}`, `of=${image}`, "bs=512", `seek=${offset}`, "conv=notrunc"]);
  }
  const { description } = await open(image);
  expect(description.volumes).toMatchObject([
    { folder: "AC\u241b2FDC", volume: { label: "AC/DC" } },
    { folder: "50%\u241b\u241b", volume: { label: "50%\u241b" } },
  ]);
  expect((await open(image, { partition: "AC/DC" })).description.volume.label).toBe("AC/DC");
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
