/** Trees packed by mke2fs in every geometry, against the trees themselves; the rest against debugfs. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ext } from "../../../image-core/filesystem/ext/format.js";
import { Attributes, ROOT_NODE } from "../../../image-core/filesystem/volume.js";
import { probeWindow } from "../../../image-core/probe.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import {
  debugfs,
  makeImage,
  makeTree,
  noise,
  openBytes,
  openImage,
  openSource,
} from "../../fixtures/ext/images.js";
import { run, scratch } from "../../support/tools.js";
import { walk } from "../../support/walk.js";
import { differences } from "./mounted.js";

const folder = scratch("ext");
const tree = makeTree(folder);

const geometries: [title: string, size: string, options: string[]][] = [
  ["ext2", "16M", ["-t", "ext2", "-b", "1024"]],
  ["ext2", "16M", ["-r", "0", "-O", "none", "-b", "1024"]],
  ["ext2", "32M", ["-t", "ext2", "-b", "4096", "-I", "128"]],
  ["ext3", "32M", ["-t", "ext3", "-b", "2048"]],
  ["ext4", "32M", ["-t", "ext4"]],
  ["ext4", "32M", ["-t", "ext4", "-b", "1024", "-g", "1024"]],
  ["ext4", "32M", ["-t", "ext4", "-b", "1024", "-O", "inline_data", "-I", "256"]],
  ["ext4", "32M", ["-t", "ext4", "-b", "4096", "-O", "inline_data,ea_inode", "-I", "1024"]],
  [
    "ext4",
    "32M",
    ["-t", "ext4", "-b", "1024", "-O", "meta_bg,^resize_inode,^metadata_csum,uninit_bg"],
  ],
  ["ext4", "64M", ["-t", "ext4", "-b", "4096", "-O", "bigalloc", "-C", "16384"]],
  ["ext4", "32M", ["-t", "ext4", "-b", "1024", "-O", "sparse_super2,metadata_csum_seed,^64bit"]],
  ["ext4", "32M", ["-t", "ext4", "-b", "2048", "-O", "^extent,^64bit"]],
  ["ext4", "64M", ["-t", "ext4", "-b", "16384"]],
  ["ext4", "96M", ["-t", "ext4", "-b", "65536", "-O", "^has_journal"]],
];

for (const [title, size, options] of geometries) {
  test(`${title} ${options.join(" ")}`, () => {
    const image = makeImage(join(folder, "image"), tree, size, ["-L", "label", ...options]);
    const bytes = readFileSync(image);
    expect(ext.probe(probeWindow(new MemorySource(bytes), ""))).toMatchObject({
      title: `${title} "label"`,
      confidence: 3,
    });
    const volume = openBytes(bytes);
    expect(volume.description).toMatchObject({ title, label: "label", warnings: [] });
    const found = differences(tree, volume, {
      // mke2fs 1.47.0 with inline_data loses the hole at a file's end.
      ignore: (path) =>
        path.startsWith("/lost+found") || (path === "/sparse" && /inline/.test(options.join())),
      // The host's own filesystem, not what is stored.
      skip: new Set(["nlink", "size of directories", "blocks", "ino", "atime", "ctime", "xattrs"]),
    });
    // mke2fs makes the root anew.
    expect(found.filter((line) => !line.startsWith("/: "))).toEqual([]);
  });
}

test("a lost superblock is replaced by a backup", () => {
  const image = makeImage(join(folder, "backup"), tree, "32M", ["-t", "ext4", "-b", "1024"]);
  const bytes = readFileSync(image);
  const whole = walk(openBytes(bytes));
  bytes.fill(0, 0, 4096);
  const window = probeWindow(new MemorySource(bytes), "");
  expect(ext.probe(window)).toMatchObject({ confidence: 1 });
  const volume = openBytes(bytes);
  expect(walk(volume)).toEqual(whole);
  expect(volume.description.warnings[0]).toMatch(/backup superblock at 0x800400: .*magic is 0x0/);
});

test("devices, access lists, large attributes and far times as debugfs wrote them", () => {
  const image = makeImage(join(folder, "special"), undefined, "16M", [
    "-b",
    "4096",
    "-t",
    "ext4",
    "-I",
    "256",
    "-O",
    "ea_inode",
  ]);
  const value = join(folder, "value");
  run("sh", ["-c", 'cat > "$0"', value], {
    input: Buffer.from(noise(3000, "value")),
    stdio: ["pipe", "pipe", "pipe"],
  });
  debugfs(image, [
    "mknod tty c 5 1",
    "mknod far b 8 1",
    "sif far block[0] 0",
    // Major 300, minor 70000 in the new encoding.
    "sif far block[1] 0x11112c70",
    "mknod pipe p",
    `write ${value} file`,
    `ea_set -f ${value} file user.large`,
    "ea_set file user.small abc",
    "ea_set file trusted.t t",
    "ea_set file security.s s",
    "ea_set -f /dev/null file user.empty",
    "sif file uid 100000",
    "sif file gid 70000",
    "sif file mtime 19050101000000",
    "sif file mtime_extra 0x10",
    "sif far mtime 0x7fffffff",
    "sif far mtime_extra 0xee6b27fd",
  ]);
  const volume = openImage(image);
  const attributes = new Attributes();
  const stat = (name: string) => {
    volume.attributes(volume.lookup(ROOT_NODE, name), attributes);
    return attributes;
  };
  expect(stat("tty")).toMatchObject({
    mode: 0o020000 | (attributes.mode & 0o777),
    rdevMajor: 5,
    rdevMinor: 1,
  });
  expect(stat("far")).toMatchObject({
    rdevMajor: 300,
    rdevMinor: 70000,
    mtime: 0x7fffffff + 2 ** 32,
    mtimeNs: 999_999_999,
  });
  expect(stat("pipe").mode & 0o170000).toBe(0o010000);
  expect(stat("file")).toMatchObject({
    uid: 100_000,
    gid: 70_000,
    mtime: Date.UTC(1905, 0, 1) / 1000,
    mtimeNs: 4,
  });
  const file = volume.lookup(ROOT_NODE, "file");
  expect([...volume.listXattrs(file)].sort()).toEqual([
    "security.s",
    "trusted.t",
    "user.empty",
    "user.large",
    "user.small",
  ]);
  expect(Buffer.from(volume.readXattr(file, "user.large") ?? [])).toEqual(noise(3000, "value"));
  expect(Buffer.from(volume.readXattr(file, "user.small") ?? []).toString()).toBe("abc");
  expect(volume.readXattr(file, "user.empty")).toEqual(new Uint8Array(0));
  expect(volume.readXattr(file, "user.absent")).toBeUndefined();
});

test("words that mean something else without 64bit and large_dir are not read as upper halves", () => {
  const image = makeImage(join(folder, "hurd"), tree, "16M", ["-t", "ext2", "-o", "hurd"]);
  debugfs(image, ["ea_set size-61 user.name value"]);
  const sound = openBytes(readFileSync(image));
  const { blockSize } = sound.description;
  const whole = walk(sound);
  for (const [path, offset, values] of [
    // i_dir_acl, and the upper half of the Hurd's mode.
    ["many", 0x6c, [1, 0, 0, 0]],
    ["size-61", 0x76, [3, 0]],
  ] as const) {
    const bytes = readFileSync(image);
    const said = /block (\d+), offset (0x[0-9a-f]+)/.exec(debugfs(image, [`imap ${path}`]));
    expect(said).not.toBeNull();
    bytes.set(values, Number(said?.[1]) * blockSize + Number(said?.[2]) + offset);
    const volume = openBytes(bytes);
    expect(walk(volume)).toEqual(whole);
    const node = volume.lookup(ROOT_NODE, "size-61");
    expect(volume.listXattrs(node)).toEqual(["user.name"]);
  }
});

test("reads at every offset agree with the whole, and every stored extent is located", () => {
  const image = makeImage(join(folder, "located"), tree, "32M", ["-t", "ext2", "-b", "1024"]);
  const bytes = readFileSync(image);
  // Locates in itself, as a file source would in the file.
  const source = Object.assign(new MemorySource(bytes), {
    locate(
      position: number,
      length: number,
      range: { fd: number; position: number; length: number },
    ) {
      Object.assign(range, { fd: 0, position, length });
      return true;
    },
  });
  const volume = openSource(source);
  const sparse = volume.lookup(ROOT_NODE, "sparse");
  const truth = readFileSync(join(tree, "sparse"));
  const range = { fd: -1, position: 0, length: 0 };
  let located = 0;
  for (let position = 0; position < truth.length; ) {
    if (volume.locate?.(sparse, position, truth.length, range)) {
      const stored = bytes.subarray(range.position, range.position + range.length);
      expect(stored.equals(truth.subarray(position, position + range.length))).toBe(true);
      located += range.length;
      position += range.length;
    } else {
      const block = Math.min(1024 - (position % 1024), truth.length - position);
      expect(truth.subarray(position, position + block).every((byte) => byte === 0)).toBe(true);
      position += block;
    }
  }
  expect(located).toBeGreaterThanOrEqual(10_000);
  const target = new Uint8Array(3000);
  for (const position of [0, 299_999, 304_999, 4_999_000, 5_004_000, 5_999_001, 6_000_001]) {
    const got = volume.read(sparse, position, target, 0, target.length);
    expect(got).toBe(Math.min(3000, truth.length - position));
    expect(truth.subarray(position, position + got).equals(target.subarray(0, got))).toBe(true);
  }
});

test("a directory with casefold finds other spellings, any other does not", () => {
  const image = makeImage(join(folder, "casefold"), undefined, "8M", [
    "-t",
    "ext4",
    "-O",
    "casefold",
  ]);
  debugfs(image, ["mkdir dir", "sif dir flags 0x40080000", "write /dev/null dir/Stra\u00dfe"]);
  const volume = openImage(image);
  const dir = volume.lookup(ROOT_NODE, "dir");
  const file = volume.lookup(dir, "Stra\u00dfe");
  expect(file).toBeGreaterThan(2);
  expect(volume.lookup(dir, "STRASSE")).toBe(file);
  expect(volume.lookup(dir, "strasse2")).toBe(0);
  expect(volume.lookup(ROOT_NODE, "DIR")).toBe(0);
  expect(volume.lookup(dir, "..")).toBe(ROOT_NODE);
});
