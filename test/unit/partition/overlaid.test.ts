/** Disks that carry traces of two tables, or of a filesystem and a table: what was written last counts. */
import { writeFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findLayout } from "../../../image-core/open/layout.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { testContext } from "../../support/context.js";
import { run, scratch } from "../../support/tools.js";

const folder = scratch("overlaid");
const MIB = 1 << 20;

function disk(name: string, mib: number): string {
  const path = join(folder, name);
  writeFileSync(path, new Uint8Array(mib * MIB));
  return path;
}

function sfdisk(path: string, script: string, ...options: string[]): void {
  run("sfdisk", ["--quiet", "--no-reread", "--no-tell-kernel", ...options, path], {
    input: script,
    stdio: ["pipe", "pipe", "pipe"],
  });
}

/** Whole filesystems, then `path scheme start`, then what lies in each. */
async function layoutOf(bytes: Uint8Array): Promise<(string | number)[][]> {
  const { filesystems, partitions } = await findLayout(new MemorySource(bytes), testContext());
  return [
    filesystems.map(({ format }) => format.id),
    ...partitions.map((one) => [
      one.path,
      one.scheme,
      one.start,
      ...one.filesystems.map(({ format }) => format.id),
    ]),
  ];
}

test("an MBR without a protective entry wins over what is left of an older GPT", async () => {
  const path = disk("stale-gpt", 16);
  sfdisk(path, "label: gpt\nstart=4MiB, size=2MiB\n");
  const gpt = new Uint8Array(await readFile(path));
  // As old partitioners do: the sector of the MBR alone is written.
  sfdisk(path, "label: dos\nstart=2MiB, size=8MiB, type=83\n", "--wipe=never");
  const bytes = new Uint8Array(await readFile(path));
  for (const left of ["both headers", "the backup"]) {
    bytes.set(gpt.subarray(bytes.length - 33 * 512), bytes.length - 33 * 512);
    bytes.set(gpt.subarray(512, 34 * 512), 512);
    if (left === "the backup") bytes.fill(0, 512, 34 * 512);
    expect(await layoutOf(bytes), left).toEqual([[], ["1", "mbr", 2 * MIB]]);
  }
});

test("the backup GPT is found where the image goes on behind the disk's end", async () => {
  const path = disk("padded", 16);
  sfdisk(path, "label: gpt\nstart=4MiB, size=2MiB\n");
  const bytes = await readFile(path);
  for (const behind of [100, 512, 3 * MIB]) {
    const padded = new Uint8Array(bytes.length + behind);
    padded.set(bytes);
    padded.fill(0, 512, 34 * 512);
    expect(await layoutOf(padded), `${behind} bytes behind`).toEqual([[], ["1", "gpt", 4 * MIB]]);
  }
});

test("a partitioned disk whose boot sector still is that of the FAT it once was", async () => {
  const path = disk("was-fat", 64);
  run("mkfs.fat", ["-F", "32", path]);
  sfdisk(path, "label: dos\nstart=2MiB, size=8MiB, type=83\n", "--wipe=never");
  run("mke2fs", ["-q", "-F", "-E", `offset=${2 * MIB}`, path, "8M"]);
  const bytes = new Uint8Array(await readFile(path));
  // As long as the old FAT is whole nobody can tell: it is what removable media are.
  expect((await layoutOf(bytes))[0]).toEqual(["fat"]);
  bytes.fill(0, 512, 2 * MIB);
  expect(await layoutOf(bytes)).toEqual([[], ["1", "mbr", 2 * MIB, "ext"]]);
  // Without the name of its type it is not even half a filesystem.
  bytes.fill(0x20, 82, 90);
  expect(await layoutOf(bytes)).toEqual([[], ["1", "mbr", 2 * MIB, "ext"]]);
});

test("an MBR that counts in sectors of 4096 bytes, as those behind some USB bridges", async () => {
  const path = disk("4kn", 64);
  const commands = [
    "o",
    "n",
    "p",
    "1",
    "256",
    "+2047",
    "n",
    "e",
    "2",
    "",
    "",
    "n",
    "",
    "+999",
    "w",
  ];
  run("fdisk", ["-b", "4096", path], {
    input: `${commands.join("\n")}\n`,
    stdio: ["pipe", "pipe", "pipe"],
  });
  run("mke2fs", ["-q", "-F", "-E", `offset=${256 * 4096}`, path, "8M"]);
  const found = await layoutOf(await readFile(path));
  expect(found[0]).toEqual([]);
  expect(found[1]).toEqual(["1", "mbr", 256 * 4096, "ext"]);
  expect(found).toHaveLength(3);
  // The logical partition's record lies where the same sector size says.
  expect(Number(found[2][2]) % 4096).toBe(0);
  expect(found[2][0]).toBe("5");
});

test("volumes in an MBR are shown although the whole disk is one of Windows' dynamic ones", async () => {
  const path = disk("dynamic", 16);
  sfdisk(path, "label: dos\nstart=2MiB, size=8MiB, type=42\n");
  const bytes = new Uint8Array(await readFile(path));
  bytes.set(Buffer.from("PRIVHEAD"), 3072);
  expect((await layoutOf(bytes))[0]).toEqual(["ldm"]);
  await writeFile(path, bytes);
  run("mke2fs", ["-q", "-F", "-E", `offset=${2 * MIB}`, path, "8M"]);
  expect(await layoutOf(await readFile(path))).toEqual([[], ["1", "mbr", 2 * MIB, "ext"]]);
});
