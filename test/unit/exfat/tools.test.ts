/** Volumes made by mkfs.exfat and filled through exfat-fuse, against what went in. */
import {
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ImageError } from "../../../image-core/errors.js";
import { open } from "../../../image-core/filesystem/exfat/exfat.js";
import { exfat } from "../../../image-core/filesystem/exfat/format.js";
import {
  Attributes,
  ROOT_NODE,
  S_IFMT,
  S_IFREG,
  type Volume,
} from "../../../image-core/filesystem/volume.js";
import { Confidence } from "../../../image-core/format.js";
import { probeWindow } from "../../../image-core/probe.js";
import { FileSource } from "../../../image-core/source/file-source.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { random } from "../../fixtures/fat/random.js";
import { testContext } from "../../support/context.js";
import { run, scratch } from "../../support/tools.js";
import { walk } from "../../support/walk.js";

const folder = scratch("exfat");
const MIB = 1 << 20;

function content(seed: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * seed + (i >> 8)) & 0xff);
}

const tree = new Map<string, Uint8Array>([
  ["README.TXT", content(3, 100)],
  ["empty", new Uint8Array(0)],
  ["Größe — 中文 🎵.dat", content(5, 5000)],
  ["x".repeat(255), content(7, 600)],
  ["deep/er/file.bin", content(9, 200_000)],
  ...Array.from(
    { length: 150 },
    (_, i) => [`many/a rather long name for file number ${i}`, content(i, i)] as const,
  ),
]);

/** Mounts the image, calls `fill` with the mountpoint, unmounts. exfat-fuse asks root for a block device. */
function withMount(image: string, fill: (mountpoint: string) => void): void {
  const mountpoint = `${image}.mnt`;
  mkdirSync(mountpoint);
  const device = run("losetup", ["--find", "--show", image]).toString().trim();
  try {
    run("mount.exfat-fuse", [device, mountpoint]);
    try {
      fill(mountpoint);
    } finally {
      run("umount", [mountpoint]);
    }
  } finally {
    run("losetup", ["--detach", device]);
  }
}

function made(name: string, ...options: string[]): string {
  const image = join(folder, name);
  writeFileSync(image, "");
  truncateSync(image, 16 * MIB);
  run("mkfs.exfat", ["-L", "Étiquette", ...options, image]);
  withMount(image, (mountpoint) => {
    for (const [path, bytes] of tree) {
      mkdirSync(join(mountpoint, path, ".."), { recursive: true });
      writeFileSync(join(mountpoint, path), bytes);
    }
    // Leaves holes for a file in pieces.
    const pieces = Array.from({ length: 30 }, (_, i) => join(mountpoint, `piece${i}`));
    for (const piece of pieces) writeFileSync(piece, content(1, 6000));
    for (let i = 0; i < 30; i += 2) rmSync(pieces[i]);
    writeFileSync(join(mountpoint, "fragmented"), content(11, 400_000));
    for (let i = 1; i < 30; i += 2) rmSync(pieces[i]);
  });
  return image;
}

const expected = new Map(tree).set("fragmented", content(11, 400_000));

function readAll(volume: Volume, node: number, size: number): Buffer {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; ) at += volume.read(node, at, bytes, at, Math.min(70_001, size - at));
  return Buffer.from(bytes);
}

const devices = ["/dev/fuse", "/dev/loop-control"];
const canMount = devices.every((device) => existsSync(device)) && process.getuid?.() === 0;
if (!canMount) console.log("skipped: filling exFAT volumes needs root, /dev/fuse and loop devices");

for (const [name, ...options] of [
  ["4k", "-c", "4K"],
  ["512", "-c", "512"],
  ["32k", "-c", "32K"],
]) {
  test.runIf(canMount)(`clusters of ${name}`, () => {
    const image = made(name, ...options);
    const volume = open(new FileSource(openSync(image, "r")), testContext());
    expect(volume.description).toMatchObject({
      title: "exFAT 1.00",
      label: "Étiquette",
      warnings: [],
    });
    const found = new Map<string, Buffer>();
    for (const [path, { node, attributes }] of walk(volume, false)) {
      if ((attributes.mode & S_IFMT) !== S_IFREG) continue;
      found.set(path, readAll(volume, node, attributes.size));
      expect(Math.abs(attributes.mtime - Date.now() / 1000)).toBeLessThan(600);
    }
    expect([...found.keys()].sort()).toEqual([...expected.keys()].map((path) => `/${path}`).sort());
    for (const [path, bytes] of expected)
      expect(found.get(`/${path}`)?.equals(bytes), path).toBe(true);
    const many = volume.lookup(ROOT_NODE, "MANY");
    expect(many).toBe(volume.lookup(ROOT_NODE, "many"));
    const one = volume.lookup(many, "A RATHER LONG NAME FOR FILE NUMBER 149");
    expect(one).toBe(volume.lookup(many, "a rather long name for file number 149"));
    expect(volume.lookup(ROOT_NODE, "gRÖSSE — 中文 🎵.DAT")).toBe(0);
    expect(volume.lookup(ROOT_NODE, "gRÖßE — 中文 🎵.DAT")).toBeGreaterThan(0);
    const deep = volume.lookup(ROOT_NODE, "deep");
    const again = open(new FileSource(openSync(image, "r")), testContext());
    expect(again.parent(again.lookup(deep, "er"))).toBe(deep);
    const said = /Free Clusters:\s*(\d+)/.exec(run("dump.exfat", [image]).toString());
    expect(volume.statistics().freeBlocks).toBe(Number(said?.[1]));
  });
}

test("damaged boot region: the backup is used; both damaged: the main one with a warning", () => {
  const image = join(folder, "plain");
  writeFileSync(image, "");
  truncateSync(image, 4 * MIB);
  run("mkfs.exfat", ["-L", "plain", image]);
  const good = new Uint8Array(readFileSync(image));
  const bad = new Uint8Array(good);
  bad.fill(0, 0, 512);
  const source = new MemorySource(bad);
  expect(exfat.probe(probeWindow(source, ""))?.confidence).toBe(Confidence.guess);
  const volume = open(source, testContext());
  expect(volume.description.label).toBe("plain");
  expect(volume.description.warnings[0]).toMatch(/backup is used/);
  bad.set(good.subarray(0, 512));
  bad[1000] ^= 1;
  expect(open(new MemorySource(bad), testContext()).description.warnings[0]).toMatch(/backup/);
  bad[12 * 512 + 1000] ^= 1;
  expect(open(new MemorySource(bad), testContext()).description.warnings[0]).toMatch(/checksum/);
  bad.fill(0, 0, 512);
  expect(() => open(new MemorySource(bad), testContext())).toThrow(ImageError);
});

/** One file without chain in the root, whose entry set `change` may alter before its checksum is made. */
function withFile(change: (set: Uint8Array, view: DataView) => void): Volume {
  const image = join(folder, "one");
  writeFileSync(image, "");
  truncateSync(image, 4 * MIB);
  run("mkfs.exfat", ["-c", "4K", image]);
  const bytes = new Uint8Array(readFileSync(image));
  const boot = new DataView(bytes.buffer);
  const sector = 1 << bytes[108];
  const heap = boot.getUint32(88, true) * sector;
  const root = heap + (boot.getUint32(96, true) - 2) * 4096;
  let at = root;
  while (bytes[at] !== 0) at += 32;
  const set = new Uint8Array(96);
  const view = new DataView(set.buffer);
  set.set([0x85, 2], 0);
  set.set([0xc0, 3, 0, 4], 32);
  set.set([0xc1, 0, ...Buffer.from("file", "utf16le")], 64);
  // 2001-02-03 04:05:06.
  for (const field of [8, 12, 16])
    view.setUint32(field, (((21 * 16 + 2) * 32 + 3) * 65_536 + 4 * 2048 + 5 * 32 + 3) >>> 0, true);
  view.setUint32(40, 5000, true);
  view.setUint32(52, 100, true);
  view.setUint32(56, 10_000, true);
  bytes.fill(0xee, heap + 98 * 4096, heap + 102 * 4096);
  change(set, view);
  let sum = 0;
  for (let i = 0; i < set.length; i++) {
    if (i !== 2 && i !== 3) sum = (((sum << 15) | (sum >> 1)) + set[i]) & 0xffff;
  }
  view.setUint16(2, sum ^ (set[95] === 0xbd ? 1 : 0), true);
  bytes.set(set, at);
  return open(new MemorySource(bytes), testContext({ localOffset: () => 7200 }));
}

test("bytes behind the valid data length are zero, and lie nowhere", () => {
  const volume = withFile(() => undefined);
  const bytes = readAll(volume, volume.lookup(ROOT_NODE, "file"), 10_000);
  expect(bytes.subarray(0, 5000).every((byte) => byte === 0xee)).toBe(true);
  expect(bytes.subarray(5000).every((byte) => byte === 0)).toBe(true);
});

test("times: with an offset, without one, with hundredths", () => {
  const attributes = new Attributes();
  const written = Date.UTC(2001, 1, 3, 4, 5, 6) / 1000;
  const volume = withFile((set) => {
    set.set([150, 199, 0x80 | 4, 0x80 | (-22 & 0x7f), 0], 20);
  });
  volume.attributes(volume.lookup(ROOT_NODE, "file"), attributes);
  expect([attributes.ctime, attributes.ctimeNs]).toEqual([written - 3600 + 1, 500_000_000]);
  expect([attributes.mtime, attributes.mtimeNs]).toEqual([written + 22 * 900 + 1, 990_000_000]);
  expect([attributes.atime, attributes.atimeNs]).toEqual([written - 7200, 0]);
});

test("an entry set with a wrong checksum is shown while it is in order, as Linux does", () => {
  const volume = withFile((set) => {
    set[95] = 0xbd;
  });
  const node = volume.lookup(ROOT_NODE, "file");
  expect([...readAll(volume, node, 10_000).subarray(4990, 5010)]).toEqual([
    ...new Array(10).fill(0xee),
    ...new Array(10).fill(0),
  ]);
  expect(() => volume.readDirectory(ROOT_NODE, 0, () => true)).not.toThrow();
});

test("an entry set that is not in order is left out, and the listing says so at its end", () => {
  for (const [type, problem] of [
    [0xc1, /checksum/],
    [0xc0, /no Stream Extension|checksum/],
  ] as const) {
    const volume = withFile((set) => {
      set[95] = 0xbd;
      // The first secondary is another name, or the name another Stream Extension.
      set[type === 0xc1 ? 32 : 64] = type;
    });
    expect(volume.lookup(ROOT_NODE, "file")).toBe(0);
    expect(() => volume.readDirectory(ROOT_NODE, 0, () => true)).toThrow(problem);
  }
});

test("lengths and clusters beyond the volume: what is whole is read", () => {
  const far = withFile((_set, view) => view.setUint32(52, 0xffffff, true));
  const node = far.lookup(ROOT_NODE, "file");
  expect(() => far.read(node, 0, new Uint8Array(10), 0, 10)).toThrow(ImageError);
  const long = withFile((_set, view) => {
    view.setUint32(40, 2 ** 31, true);
    view.setUint32(56, 2 ** 31, true);
  });
  const whole = long.lookup(ROOT_NODE, "file");
  expect(long.read(whole, 0, new Uint8Array(4096), 0, 4096)).toBe(4096);
  expect(() => long.read(whole, 2 ** 30, new Uint8Array(10), 0, 10)).toThrow(ImageError);
  const huge = withFile((_set, view) => view.setUint32(60, 0xffffffff, true));
  expect(() => huge.attributes(huge.lookup(ROOT_NODE, "file"), new Attributes())).toThrow(/2\^53/);
});

test.runIf(canMount)("random damage: every walk ends, in files or in an ImageError", () => {
  const image = made("fuzz", "-c", "4K");
  const good = new Uint8Array(readFileSync(image)).subarray(0, 3 * MIB);
  const boot = new DataView(good.buffer, good.byteOffset);
  const heap = boot.getUint32(88, true) * (1 << good[108]);
  const root = heap + (boot.getUint32(96, true) - 2) * 4096;
  const fat = boot.getUint32(80, true) * (1 << good[108]);
  const next = random(99);
  let walked = 0;
  const deadline = Date.now() + 12_000;
  for (let round = 0; round < 300 && Date.now() < deadline; round++) {
    const bytes = new Uint8Array(good);
    for (let i = next(6); i >= 0; i--) {
      const [start, length] = [
        [64, 50],
        [root, 1024],
        [fat, 600],
        [root + 4096, 40_000],
      ][next(4)];
      bytes[start + next(length)] = next(3) === 0 ? 0xff : next(256);
    }
    try {
      const source = new MemorySource(bytes);
      exfat.probe(probeWindow(source, ""));
      const volume = open(source, testContext());
      volume.statistics();
      for (const { content: hash, attributes } of walk(volume, false).values()) {
        expect([hash, attributes.size >= 0]).toEqual(["", true]);
      }
      walked++;
    } catch (error) {
      expect(error).toBeInstanceOf(ImageError);
    }
  }
  expect(walked).toBeGreaterThan(20);
});
