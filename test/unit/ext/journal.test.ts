/** Journals that were never replayed, written by debugfs, against what e2fsck makes of them. */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT_NODE } from "../../../image-core/filesystem/volume.js";
import { debugfs, makeImage, noise, openBytes, openImage } from "../../fixtures/ext/images.js";
import { run, scratch } from "../../support/tools.js";
import { walk } from "../../support/walk.js";

const folder = scratch("ext-journal");
/** Where debugfs's first file has its first block, in a filesystem made the same way every time. */
function firstBlock(image: string): number {
  return Number(debugfs(image, ["bmap file 0"]).match(/^(\d+)$/m)?.[1]);
}

function dirtyImage(options: string[], open: string): { image: string; block: number } {
  const image = makeImage(join(folder, "image"), undefined, "16M", ["-b", "1024", ...options]);
  const paths = ["file", "first", "second", "third"].map((name) => join(folder, name));
  writeFileSync(paths[0], noise(8 * 1024, "file"));
  writeFileSync(paths[1], noise(3 * 1024, "first"));
  // Begins with the journal's own magic: has to be escaped there.
  const second = Buffer.from(noise(2 * 1024, "second"));
  second.writeUInt32BE(0xc03b3998, 0);
  second.writeUInt32BE(0xc03b3998, 1024);
  writeFileSync(paths[2], second);
  writeFileSync(paths[3], noise(1024, "third"));
  debugfs(image, [`write ${paths[0]} file`]);
  const block = firstBlock(image);
  const range = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => block + from + i).join(",");
  debugfs(image, [
    open,
    `jw -b ${range(0, 3)} ${paths[1]}`,
    `jw -b ${range(2, 2)} ${paths[2]}`,
    // Written, then revoked: stays as it is.
    `jw -b ${range(6, 1)} ${paths[3]}`,
    `jw -r ${range(6, 1)}`,
    `jw -b ${range(7, 1)} ${paths[3]}`,
    "jc",
  ]);
  return { image, block };
}

const kinds: [options: string[], open: string][] = [
  [["-t", "ext3"], "jo"],
  [["-t", "ext4", "-O", "^64bit,^metadata_csum"], "jo"],
  [["-t", "ext4", "-O", "64bit,^metadata_csum"], "jo"],
  [["-t", "ext4", "-O", "64bit"], "jo -c"],
  [["-t", "ext4", "-O", "^64bit"], "jo -c"],
];

for (const [options, open] of kinds) {
  test(`${options.join(" ")}, ${open}`, () => {
    const { image } = dirtyImage(options, open);
    const replayed = join(folder, "replayed");
    copyFileSync(image, replayed);
    // Exits 1 where it changed something, which is the point.
    run("sh", ["-c", 'e2fsck -fy "$0" || test $? = 1', replayed]);
    const dirty = openImage(image);
    expect(dirty.description.warnings).toEqual([
      expect.stringMatching(/^not unmounted cleanly: \d+ blocks are read from its journal$/),
    ]);
    const file = dirty.lookup(ROOT_NODE, "file");
    const content = new Uint8Array(8 * 1024);
    dirty.read(file, 0, content, 0, content.length);
    const truth = openImage(replayed);
    const expected = new Uint8Array(8 * 1024);
    truth.read(truth.lookup(ROOT_NODE, "file"), 0, expected, 0, expected.length);
    expect(Buffer.from(expected.subarray(0, 1024)).equals(noise(1024, "first"))).toBe(true);
    expect(Buffer.from(content).equals(expected)).toBe(true);
    expect([...walk(dirty).keys()]).toEqual([...walk(truth).keys()]);
  });
}

test("a transaction whose commit is damaged is left out, with all that follow", () => {
  const { image, block } = dirtyImage(["-t", "ext4"], "jo -c");
  const bytes = readFileSync(image);
  // The last commit block, of type 2.
  const magic = Buffer.from([0xc0, 0x3b, 0x39, 0x98, 0, 0, 0, 2]);
  const commit = bytes.lastIndexOf(magic);
  expect(commit).toBeGreaterThan(0);
  bytes[commit + 0x30] ^= 1;
  const volume = openBytes(bytes);
  expect(volume.description.warnings.join()).toMatch(/wrong checksum; .*left out/);
  const content = new Uint8Array(1024);
  volume.read(volume.lookup(ROOT_NODE, "file"), 7 * 1024, content, 0, 1024);
  expect(content).toEqual(new Uint8Array(bytes.subarray((block + 7) * 1024, (block + 8) * 1024)));
});

test("a copy whose checksum is wrong is left out", () => {
  const { image } = dirtyImage(["-t", "ext4"], "jo -c");
  const bytes = readFileSync(image);
  const copy = bytes.indexOf(noise(1024, "first"));
  expect(copy).toBeGreaterThan(0);
  bytes[copy + 500] ^= 1;
  expect(openBytes(bytes).description.warnings.join()).toMatch(
    /copy of block \d+ has a wrong checksum/,
  );
});

test("a journal that is none leaves a warning and the rest readable", () => {
  const { image } = dirtyImage(["-t", "ext4"], "jo");
  const bytes = readFileSync(image);
  const superblock = bytes.indexOf(Buffer.from([0xc0, 0x3b, 0x39, 0x98, 0, 0, 0, 4]));
  for (const [offset, value, problem] of [
    [0x0, 0, /magic is 0x0/],
    [0x0c, 4096, /blocks of 4096/],
    [0x10, 0x7fffffff, /log from 1 to 2147483647/],
    [0x1c, 0x7fffffff, /log begins at/],
    [0x28, 0x80, /journal feature 0x80/],
  ] as const) {
    const broken = Buffer.from(bytes);
    broken.writeUInt32BE(value, superblock + offset);
    const volume = openBytes(broken);
    expect(volume.description.warnings.join()).toMatch(problem);
    expect(walk(volume).has("/file")).toBe(true);
  }
});

test("an external journal is named", () => {
  const { image } = dirtyImage(["-t", "ext4"], "jo");
  const bytes = readFileSync(image);
  bytes.writeUInt32LE(0, 1024 + 0xe0);
  expect(openBytes(bytes).description.warnings.join()).toMatch(/external journal/);
});
