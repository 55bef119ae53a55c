/** Bad input for each structure: what is said, and that the rest stays readable. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ext } from "../../../image-core/filesystem/ext/format.js";
import { Attributes, ROOT_NODE, type Volume } from "../../../image-core/filesystem/volume.js";
import { probeWindow } from "../../../image-core/probe.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { debugfs, makeImage, makeTree, noise, openBytes } from "../../fixtures/ext/images.js";
import { run, scratch } from "../../support/tools.js";
import { walk } from "../../support/walk.js";

const folder = scratch("ext-damage");
const tree = makeTree(folder);
const BLOCK = 1024;

function fresh(options: string[]): { bytes: Buffer; image: string } {
  const image = makeImage(join(folder, "image"), tree, "16M", ["-b", "1024", ...options]);
  return { bytes: readFileSync(image), image };
}

/** Byte position of an inode, by debugfs's account. */
function inodePosition(image: string, path: string): number {
  const found = debugfs(image, [`imap ${path}`]).match(
    /located at block (\d+), offset (0x[0-9a-f]+)/,
  );
  return Number(found?.[1]) * BLOCK + Number(found?.[2]);
}

function readAll(volume: Volume, name: string): string {
  const attributes = new Attributes();
  const node = volume.lookup(ROOT_NODE, name);
  volume.attributes(node, attributes);
  const bytes = new Uint8Array(attributes.size);
  volume.read(node, 0, bytes, 0, bytes.length);
  return Buffer.from(bytes).toString("latin1");
}

test("superblocks", () => {
  const { bytes } = fresh(["-t", "ext4"]);
  const cases: [offset: number, size: 1 | 2 | 4, value: number, problem: RegExp][] = [
    [0x18, 4, 7, /64 KiB is the most/],
    [0x14, 4, 0x7fffffff, /first data block/],
    [0x20, 4, 0, /0 blocks and \d+ inodes per group/],
    [0x28, 4, 0x10000, /65536 inodes per group/],
    [0x58, 2, 100, /inode size 100/],
    [0x58, 2, 2048, /inode size 2048/],
    [0x00, 4, 0x7fffffff, /2147483647 inodes in/],
    [0xfe, 2, 96, /group descriptor size 96/],
    [0x154, 4, 0, /./],
    [0x150, 4, 0xffffff00, /more than 2\^53/],
    [0x4c, 4, 2, /revision 2/],
    [0x60, 4, 0x2c2 | 0x800000, /feature 0x800000 is not read/],
    [0x60, 4, 0x2c3, /feature compression is not read/],
    [0x60, 4, 0x2c2 | 8, /external journal of another filesystem/],
  ];
  for (const [offset, size, value, problem] of cases) {
    // Without backups, so that the primary's own fault is told.
    const broken = Buffer.from(bytes.subarray(0, 8 * 1024 * 1024));
    if (size === 4) broken.writeUInt32LE(value, 1024 + offset);
    else broken.writeUInt16LE(value, 1024 + offset);
    if (offset === 0x154) continue;
    expect(() => openBytes(broken), `0x${offset.toString(16)}`).toThrow(problem);
  }
  expect(() => openBytes(new Uint8Array(500))).toThrow(/truncated|needs 1024 bytes/);
  expect(ext.probe(probeWindow(new MemorySource(new Uint8Array(500)), ""))).toBeUndefined();
  expect(ext.probe(probeWindow(new MemorySource(noise(200_000, "x")), ""))).toBeUndefined();
  expect(ext.probe(probeWindow(new MemorySource(new Uint8Array(1 << 24)), ""))).toBeUndefined();
});

test("extent trees", () => {
  const { bytes, image } = fresh(["-t", "ext4"]);
  const inode = inodePosition(image, "/size-70000");
  const tree = inode + 0x28;
  const cases: [offset: number, value: number, problem: RegExp][] = [
    [0, 0x1234, /magic is 0x1234/],
    [2, 5, /5 of 4 entries/],
    [4, 9, /of 9 entries in room for 4/],
    [6, 6, /depth 6 is more than 5/],
    // The file's data for a node.
    [6, 1, /extent tree of inode \d+/],
    [12 + 6, 0xffff, /blocks from \d+ of 16384/],
  ];
  for (const [offset, value, problem] of cases) {
    const broken = Buffer.from(bytes);
    broken.writeUInt16LE(value, tree + offset);
    const volume = openBytes(broken);
    expect(() => readAll(volume, "size-70000"), `${offset}`).toThrow(problem);
    expect(readAll(volume, "size-4097")).toHaveLength(4097);
    expect(volume.description.warnings.join()).toMatch(/inode \d+ has a wrong checksum/);
  }
});

test("an extent tree that contains itself", () => {
  const { bytes, image } = fresh(["-t", "ext4"]);
  const tree = inodePosition(image, "/size-70000") + 0x28;
  const block = bytes.readUInt32LE(tree + 12 + 8);
  // The node: one index entry, to itself, at depth 1 beneath depth 2.
  const node = (depth: number, at: number) => {
    bytes.writeUInt16LE(0xf30a, at);
    bytes.writeUInt16LE(1, at + 2);
    bytes.writeUInt16LE(4, at + 4);
    bytes.writeUInt16LE(depth, at + 6);
    bytes.writeUInt32LE(0, at + 12);
    bytes.writeUInt32LE(block, at + 16);
    bytes.writeUInt16LE(0, at + 20);
  };
  node(2, tree);
  node(1, block * BLOCK);
  expect(() => readAll(openBytes(bytes), "size-70000")).toThrow(/depth 1 beneath depth 1/);
});

test("block maps", () => {
  const { bytes, image } = fresh(["-t", "ext2"]);
  const map = inodePosition(image, "/size-900000") + 0x28;
  for (const [index, problem] of [
    [0, /block map of inode/],
    [12, /indirect block of inode/],
    [13, /indirect block of inode/],
  ] as const) {
    const broken = Buffer.from(bytes);
    broken.writeUInt32LE(0x7fffffff, map + index * 4);
    expect(() => readAll(openBytes(broken), "size-900000")).toThrow(problem);
  }
});

test("directories: damage costs its block, is said, and is no 'not found'", () => {
  const { bytes, image } = fresh(["-t", "ext2"]);
  const directory = debugfs(image, ["bmap /many 2"]).match(/^(\d+)$/m)?.[1];
  const position = Number(directory) * BLOCK;
  const whole = openBytes(bytes);
  const many = whole.lookup(ROOT_NODE, "many");
  const all: string[] = [];
  whole.readDirectory(many, 0, (name) => all.push(name) > 0);
  for (const [offset, value, problem] of [
    [4, 0, /rec_len 0 with/],
    [4, 6, /rec_len 6 with/],
    [4, 0x7ff0, /rec_len 32752 with/],
    [6, 255, /name of 255 bytes in rec_len/],
  ] as const) {
    const broken = Buffer.from(bytes);
    if (offset === 6) broken[position + 6] = value;
    else broken.writeUInt16LE(value, position + offset);
    const volume = openBytes(broken);
    const names: string[] = [];
    expect(() => volume.readDirectory(many, 0, (name) => names.push(name) > 0)).toThrow(problem);
    expect(names.length).toBeGreaterThan(all.length / 2);
    expect(names.length).toBeLessThan(all.length);
    const lost = all.find((name) => !names.includes(name)) as string;
    expect(volume.lookup(many, names.at(-1) as string)).toBeGreaterThan(0);
    expect(() => volume.lookup(many, lost)).toThrow(problem);
  }
});

test("names that cannot be shown are escaped, and names that occur twice told apart", () => {
  const image = makeImage(join(folder, "names"), undefined, "4M", ["-b", "1024", "-t", "ext2"]);
  debugfs(image, [
    "mkdir d",
    "cd d",
    "mknod aaaa p",
    "mknod bbbb p",
    "mknod cccc p",
    "mknod dddd p",
  ]);
  const bytes = readFileSync(image);
  const rename = (from: string, to: string) => {
    const at = bytes.indexOf(Buffer.from(from, "latin1"));
    expect(at).toBeGreaterThan(0);
    bytes.write(to, at, "latin1");
  };
  rename("aaaa", "a\xff/\0");
  rename("cccc", "bbbb");
  rename("dddd", "\xe2\x90\x9bd");
  const volume = openBytes(bytes);
  const names: string[] = [];
  const directory = volume.lookup(ROOT_NODE, "d");
  volume.readDirectory(directory, 0, (name, node) => {
    expect(volume.lookup(directory, name)).toBe(node);
    return names.push(name) > 0;
  });
  expect(names).toEqual(["a\u241bFF\u241b2F\u241b00", "bbbb", "bbbb~2", "\u241b\u241bd"]);
});

test("a directory that lies elsewhere, or has two names, is not followed", () => {
  const image = makeImage(join(folder, "ring"), undefined, "4M", ["-b", "1024", "-t", "ext2"]);
  debugfs(image, [
    "mkdir a",
    "mkdir a/b",
    "mkdir a/c",
    "link a a/b/ring",
    "link <2> a/b/root",
    "link a/c a/again",
  ]);
  const volume = openBytes(readFileSync(image));
  const a = volume.lookup(ROOT_NODE, "a");
  const b = volume.lookup(a, "b");
  expect(() => volume.lookup(b, "ring")).toThrow(
    /entry for inode \d+ .*it lies in inode 2 by its own/,
  );
  expect(() => volume.lookup(b, "root")).toThrow(/entry for inode 2 .*it is the root/);
  const names: string[] = [];
  const list = (node: number) => () =>
    volume.readDirectory(node, 0, (name) => names.push(name) > 0);
  expect(list(b)).toThrow(/own account|is the root/);
  expect(names).toEqual([]);
  expect(list(a)).toThrow(/a directory has one name only/);
  expect(names).toEqual(["b"]);
});

test("cookies continue where they stopped", () => {
  const { bytes } = fresh(["-t", "ext4"]);
  const volume = openBytes(bytes);
  const many = volume.lookup(ROOT_NODE, "many");
  const all: string[] = [];
  volume.readDirectory(many, 0, (name) => all.push(name) > 0);
  const stepped: string[] = [];
  for (let cookie = 0, last = -1; cookie !== last; ) {
    last = cookie;
    let taken = 0;
    volume.readDirectory(many, cookie, (name, _node, _type, next) => {
      if (taken === 7) return false;
      taken++;
      cookie = next;
      return stepped.push(name) > 0;
    });
  }
  expect(stepped).toEqual(all);
  expect(all).toHaveLength(302);
});

test("group descriptors, inodes and attributes", () => {
  const { bytes, image } = fresh(["-t", "ext4"]);
  const attributes = new Attributes();
  const badTable = Buffer.from(bytes.subarray(0, 8 * 1024 * 1024));
  badTable.writeUInt32LE(0x7fffffff, 2 * BLOCK + 8);
  expect(() => openBytes(badTable)).toThrow(
    /descriptor of group 0 .*inode table at block 2147483647/,
  );

  const warned = Buffer.from(bytes);
  warned[2 * BLOCK + 0x1e] ^= 1;
  warned[1024 + 0x3fc] ^= 1;
  expect(openBytes(warned).description.warnings).toEqual([
    "the superblock has a wrong checksum",
    expect.stringMatching(/1 of 2 group descriptors have a wrong checksum, the first of group 0/),
  ]);

  const inode = inodePosition(image, "/size-61");
  const huge = Buffer.from(bytes);
  huge.writeUInt32LE(0xffffffff, inode + 0x6c);
  const volume = openBytes(huge);
  const node = volume.lookup(ROOT_NODE, "size-61");
  expect(() => volume.attributes(node, attributes)).toThrow(/size 0xffffffff \* 2\^32/);
  expect(() => volume.attributes(0x7fffffff, attributes)).toThrow(/inode 2147483647 of/);
  expect(() => volume.attributes(volume.maxNode, attributes)).toThrow(/is not in use/);

  const attribute = Buffer.from(bytes);
  attribute.writeUInt32LE(0x1000, inode + 0x68);
  const other = openBytes(attribute);
  expect(() => other.listXattrs(node)).toThrow(/attribute block of inode \d+ .*magic is/);

  const body = Buffer.from(bytes);
  const start = inode + 128 + body.readUInt16LE(inode + 0x80);
  body.writeUInt32LE(0xea020000, start);
  body.fill(0xff, start + 4, inode + 256);
  expect(() => openBytes(body).listXattrs(node)).toThrow(/attributes of inode/);
});

test("an image that ends early is read up to there", () => {
  const { bytes } = fresh(["-t", "ext2"]);
  const volume = openBytes(bytes.subarray(0, 1500 * BLOCK));
  expect(volume.description.warnings.join()).toMatch(/the image ends at 1536000 of 16777216 bytes/);
  const contents = [...walk(volume).values()].map((file) => file.content);
  expect(
    contents.filter((content) => /^error: ext: inode \d+: byte \d+ lies behind/.test(content))
      .length,
  ).toBeGreaterThan(0);
  expect(contents.filter((content) => /^[0-9a-f]{64}$/.test(content)).length).toBeGreaterThan(0);
});

test("directory hashes are those of debugfs", async () => {
  const { hashName } = await import("../../../image-core/filesystem/ext/directory-hash.js");
  const { decodeSuperblock } = await import("../../../image-core/filesystem/ext/superblock.js");
  const { bytes } = fresh(["-t", "ext4"]);
  const superblock = decodeSuperblock(bytes.subarray(1024, 2048), 1024);
  const uuid = "01234567-89ab-cdef-0123-456789abcdef";
  const seed = Buffer.from(uuid.replaceAll("-", ""), "hex");
  superblock.hashSeed = [0, 4, 8, 12].map((at) => seed.readUInt32LE(at)) as [
    number,
    number,
    number,
    number,
  ];
  // debugfs knows the signed kinds only.
  for (const [version, title] of [
    [0, "legacy"],
    [1, "half_md4"],
    [2, "tea"],
  ] as const) {
    for (const name of ["a", "hello", "h\u00e4\u00dflich", "sixteen bytes ab", "n".repeat(100)]) {
      const said = run("debugfs", [
        "-R",
        `dx_hash -h ${title} -s ${uuid} "${name}"`,
        join(folder, "image"),
      ]).toString();
      const [, hash, minor] = said.match(/is (0x[0-9a-f]+) \(minor (0x[0-9a-f]+)\)/) ?? [];
      expect(hashName(Buffer.from(name), version, superblock), `${title} ${name}`).toEqual({
        hash: Number(hash),
        minorHash: Number(minor),
      });
      const unsigned = hashName(Buffer.from(name), version + 3, superblock);
      expect(unsigned?.hash === Number(hash)).toBe(/^[\x20-\x7e]*$/.test(name));
    }
  }
});
