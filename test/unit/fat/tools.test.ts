/** Volumes made by mkfs.fat and filled by mtools, against what went in; 7-Zip reads along. */
import { createHash } from "node:crypto";
import { mkdirSync, openSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { open } from "../../../image-core/filesystem/fat/fat.js";
import { fat } from "../../../image-core/filesystem/fat/format.js";
import { Attributes, ROOT_NODE } from "../../../image-core/filesystem/volume.js";
import { Confidence } from "../../../image-core/format.js";
import { probeWindow } from "../../../image-core/probe.js";
import { FileSource } from "../../../image-core/source/file-source.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { testContext } from "../../support/context.js";
import { run, scratch } from "../../support/tools.js";
import { walk } from "../../support/walk.js";

const folder = scratch("fat");
const KIB = 1024;
const environment = {
  ...process.env,
  MTOOLS_SKIP_CHECK: "1",
  MTOOLSRC: "/dev/null",
  TZ: "UTC",
  LC_ALL: "C.UTF-8",
};
const mtool = (name: string, ...args: string[]) => run(name, args, { env: environment });

function content(seed: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * seed + (i >> 8)) & 0xff);
}

/** What goes into each volume, by path. */
const tree = new Map<string, Uint8Array>([
  ["README.TXT", content(3, 100)],
  ["empty", new Uint8Array(0)],
  ["lower.txt", content(5, 1)],
  ["Mixed Case Name.Text", content(7, 5000)],
  ["größe-ünïcode-中文-ž.dat", content(11, 513)],
  ["♫.mp3", content(13, 40)],
  ["deep/er/and/deeper/file.bin", content(17, 9000)],
  [`${"long".repeat(60)}.x`, content(19, 20)],
  ...Array.from(
    { length: 90 },
    (_, i) => [`many/file number ${i} of many`, content(i, i)] as const,
  ),
]);
const source = join(folder, "tree");
const MTIME = 1_234_567_890;
for (const [path, bytes] of tree) {
  mkdirSync(dirname(join(source, path)), { recursive: true });
  writeFileSync(join(source, path), bytes);
  utimesSync(join(source, path), MTIME, MTIME);
}

function made(name: string, kib: number, ...options: string[]): string {
  const path = join(folder, name);
  run("mkfs.fat", ["-n", "A LABEL", "-i", "cafe1234", ...options, "-C", path, `${kib}`]);
  return path;
}

function fill(image: string): void {
  mtool(
    "mcopy",
    "-i",
    image,
    "-s",
    "-m",
    "-Q",
    ...[
      "README.TXT",
      "empty",
      "lower.txt",
      "Mixed Case Name.Text",
      "größe-ünïcode-中文-ž.dat",
      "♫.mp3",
      `${"long".repeat(60)}.x`,
      "deep",
      "many",
    ].map((name) => join(source, name)),
    "::",
  );
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const expectedFiles = new Map([...tree].map(([path, bytes]) => [`/${path}`, sha256(bytes)]));

const geometries: [title: string, bits: number, kib: number, ...options: string[]][] = [
  ["720K floppy", 12, 720],
  ["1440K floppy", 12, 1440],
  ["FAT12, 4 KiB clusters, one FAT", 12, 8000, "-F", "12", "-s", "8", "-f", "1"],
  ["FAT12, 2048-byte sectors", 12, 4096, "-F", "12", "-S", "2048"],
  ["FAT16, 512-byte clusters", 16, 8192, "-F", "16", "-s", "1"],
  ["FAT16, 4096-byte sectors", 16, 65536, "-F", "16", "-S", "4096", "-s", "1"],
  ["FAT32", 32, 40_000, "-F", "32", "-s", "1"],
  ["FAT32 with four FATs", 32, 40_000, "-F", "32", "-s", "1", "-f", "4"],
  [
    "FAT32, 1024-byte sectors, many reserved",
    32,
    80_000,
    "-F",
    "32",
    "-S",
    "1024",
    "-s",
    "1",
    "-R",
    "300",
  ],
];

for (const [title, bits, kib, ...options] of geometries) {
  test(title, () => {
    const image = made(title.replaceAll(/\W/g, "_"), kib, ...options);
    fill(image);
    const input = new FileSource(openSync(image, "r"));
    const match = fat.probe(probeWindow(input, ""));
    expect(match?.confidence).toBe(
      title.includes("many reserved") ? Confidence.likely : Confidence.certain,
    );
    expect(match?.title).toBe(`FAT${bits} "A LABEL"`);
    const volume = open(input, testContext());
    expect(volume.description).toMatchObject({ label: "A LABEL", uuid: "CAFE-1234", warnings: [] });
    const files = new Map<string, string>();
    for (const [path, { attributes, content: hash }] of walk(volume)) {
      if (hash === "") continue;
      files.set(path, hash);
      expect(attributes.mtime, path).toBe(MTIME);
    }
    expect(files).toEqual(new Map([...expectedFiles]));
    const free = Number(
      mtool("mdir", "-i", image, "::")
        .toString()
        .match(/([\d ]+) bytes free/)?.[1]
        .replaceAll(" ", ""),
    );
    const { freeBlocks, blockSize } = volume.statistics();
    expect(freeBlocks * blockSize).toBe(free);
  });
}

test("lookups find other cases and short names; parents lead back", () => {
  const image = made("lookup", 1440);
  fill(image);
  const volume = open(new MemorySource(readFileSync(image)), testContext());
  const node = volume.lookup(ROOT_NODE, "Mixed Case Name.Text");
  expect(node).toBeGreaterThan(0);
  expect(volume.lookup(ROOT_NODE, "mixed CASE name.TEXT")).toBe(node);
  expect(volume.lookup(ROOT_NODE, "MIXEDC~1.TEX")).toBe(node);
  expect(volume.lookup(ROOT_NODE, "GRÖSSE")).toBe(0);
  expect(volume.lookup(ROOT_NODE, "LOWER.TXT")).toBe(volume.lookup(ROOT_NODE, "lower.txt"));
  const deep = volume.lookup(ROOT_NODE, "deep");
  const er = volume.lookup(deep, "er");
  expect(volume.lookup(er, "..")).toBe(deep);
  expect(volume.lookup(deep, "..")).toBe(ROOT_NODE);
  // A volume opened anew, as after a restart, that was never asked for the way there.
  const again = open(new MemorySource(readFileSync(image)), testContext());
  expect(again.parent(er)).toBe(deep);
});

test("a directory is read in pieces by its cookies", () => {
  const image = made("cookies", 1440);
  fill(image);
  const volume = open(new MemorySource(readFileSync(image)), testContext());
  const many = volume.lookup(ROOT_NODE, "many");
  const names: string[] = [];
  let cookie = 0;
  for (let calls = 0; calls < 100; calls++) {
    const before = names.length;
    volume.readDirectory(many, cookie, (name, _node, _type, next) => {
      if (names.length === before + 7) return false;
      names.push(name);
      cookie = next;
      return true;
    });
    if (names.length === before) break;
  }
  expect(names.sort()).toEqual(
    Array.from({ length: 90 }, (_, i) => `file number ${i} of many`).sort(),
  );
});

test("fragmented files read and are located run by run", () => {
  const image = made("fragments", 1440);
  const parts = Array.from({ length: 40 }, (_, i) => join(folder, `p${i}`));
  for (const part of parts) writeFileSync(part, content(1, 1500));
  mtool("mcopy", "-i", image, ...parts, "::");
  for (let i = 0; i < 40; i += 2) mtool("mdel", "-i", image, `::p${i}`);
  const whole = content(23, 60_000);
  writeFileSync(join(folder, "whole"), whole);
  mtool("mcopy", "-i", image, join(folder, "whole"), "::");
  const fd = openSync(image, "r");
  const volume = open(new FileSource(fd), testContext());
  const node = volume.lookup(ROOT_NODE, "whole");
  const bytes = readFileSync(image);
  const range = { fd: -1, position: 0, length: 0 };
  const located: Buffer[] = [];
  let runs = 0;
  for (let position = 0; position < whole.length; position += range.length) {
    expect(volume.locate?.(node, position, 1 << 20, range)).toBe(true);
    expect(range.fd).toBe(fd);
    located.push(bytes.subarray(range.position, range.position + range.length));
    runs++;
  }
  expect(runs).toBeGreaterThan(10);
  expect(Buffer.concat(located).equals(whole)).toBe(true);
  expect(volume.locate?.(node, whole.length, 10, range)).toBe(false);
  const target = new Uint8Array(3000);
  expect(volume.read(node, 58_000, target, 500, 2500)).toBe(2000);
  expect(Buffer.from(target.subarray(500, 2500)).equals(whole.subarray(58_000))).toBe(true);
});

test("read-only files, local times and the owner that is asked for", () => {
  const image = made("attributes", 1440);
  fill(image);
  mtool("mattrib", "-i", image, "+r", "::README.TXT");
  const context = testContext({ owner: { uid: 7, gid: 8 }, localOffset: () => 3600 });
  const volume = open(new MemorySource(readFileSync(image)), context);
  const attributes = new Attributes();
  volume.attributes(volume.lookup(ROOT_NODE, "README.TXT"), attributes);
  expect(attributes).toMatchObject({
    mode: 0o100555,
    uid: 7,
    gid: 8,
    mtime: MTIME - 3600,
    size: 100,
    blocks: 1,
  });
});

test("7-Zip lists the same names and sizes", () => {
  const image = made("sevenzip", 40_000, "-F", "32", "-s", "1");
  fill(image);
  const listed = [
    ...run("7z", ["l", "-slt", "-ba", image])
      .toString()
      .matchAll(/Path = (.*)\nFolder = -\nSize = (\d+)/g),
  ];
  const volume = open(new MemorySource(readFileSync(image)), testContext());
  const ours = [...walk(volume)]
    .filter(([, { content: hash }]) => hash !== "")
    .map(([path, { attributes }]) => `${path} ${attributes.size}`);
  expect(ours.sort()).toEqual(listed.map(([, path, size]) => `/${path} ${size}`).sort());
});

test("an Atari boot sector, without 0xAA55", () => {
  const image = made("atari", 720, "-A", "-F", "12");
  const input = new MemorySource(readFileSync(image));
  expect(fat.probe(probeWindow(input, ""))?.title).toContain("FAT12");
  expect(open(input, testContext()).description.features).toContain("Atari boot sector");
  expect(KIB * 720).toBe(input.size);
});
