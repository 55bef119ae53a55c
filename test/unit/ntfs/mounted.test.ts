/** Volumes that ntfs-3g filled, against ntfs-3g; and what Windows alone makes, put there through it. */
import { createHash } from "node:crypto";
import { mkdirSync, openSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Attributes, ROOT_NODE, type Volume } from "../../../image-core/filesystem/volume.js";
import { FileSource } from "../../../image-core/source/file-source.js";
import { noise } from "../../fixtures/ext/images.js";
import {
  cannotMount,
  makeVolume,
  openImage,
  openSource,
  withMount,
} from "../../fixtures/ntfs/images.js";
import { packedByWimlib } from "../../fixtures/ntfs/wim.js";
import { run, scratch } from "../../support/tools.js";
import { differences } from "../ext/mounted.js";

const folder = scratch("ntfs");
const reason = cannotMount(folder);
if (reason !== undefined) console.log(`skipped: ${reason}`);
const image = join(folder, "image");
const STREAMS = "streams_interface=xattr";

function contents(volume: Volume, name: string): Buffer {
  const node = volume.lookup(ROOT_NODE, name);
  const attributes = new Attributes();
  volume.attributes(node, attributes);
  const bytes = Buffer.alloc(attributes.size + 10);
  const got = volume.read(node, 0, bytes, 0, bytes.length);
  return bytes.subarray(0, got);
}

const POPULATE = String.raw`
import os, socket, subprocess
os.makedirs("d/e/f"); os.mkdir("Ünïcode ☃")
open("d/a", "w").write("hello"); os.link("d/a", "d/e/hard")
os.symlink("a", "d/link"); os.symlink("/abs/x", "d/abs")
os.mknod("fifo", 0o010666)
for name, time in (("past", -312753293000000000), ("future", 13578624000123456700), ("first", -11644387200000000000)):
    open(name, "w").close(); os.utime(name, ns=(time, time))
f = open("sparse", "wb"); f.seek(300 * 1024); f.write(os.urandom(3000)); f.seek(5000000); f.write(b"end"); f.truncate(7654321); f.close()
open("big", "wb").write(os.urandom(3000000))
for n in (0, 1, 300, 600, 700, 800, 1000, 4095, 4096, 4097): open("in%d" % n, "wb").write(os.urandom(n))
a = open("interleaved a", "wb"); b = open("interleaved b", "wb")
for i in range(300):
    for f in (a, b): f.write(os.urandom(4096)); f.flush(); os.fsync(f.fileno())
a.close(); b.close()
os.mkdir("many")
for i in range(250): open("many/File-%05d-%s" % (i, "n" * (i % 40)), "w").write(str(i))
for i in range(0, 250, 7): os.unlink("many/File-%05d-%s" % (i, "n" * (i % 40)))
os.setxattr("d/a", "user.stream", b"stream data"); os.setxattr("d/a", "user.empty", b""); os.setxattr("d", "user.dir", b"x" * 3000)
for i in range(20): os.setxattr("in0", "user.s%d" % i, os.urandom(100 + i))
if os.environ["COMPRESS"]:
    os.mkdir("packed"); os.setxattr("packed", "system.ntfs_attrib", bytes([0, 8, 0, 0]))
    text = b"".join(b"line %d\n" % i for i in range(30000))
    for name, data in (("text", text), ("zeros", bytes(1000000)), ("random", os.urandom(300000)), ("mixed", os.urandom(100000) + bytes(200000) + text), ("code", open("/bin/sh", "rb").read())):
        open("packed/" + name, "wb").write(data)
    for n in (100, 65535, 65536, 65537, 131072): open("packed/%d" % n, "wb").write(text[:n])
`;

const geometries: [options: string[], compress: boolean][] = [
  [["-L", "L\u00e4bel"], true],
  [["-c", "512"], true],
  [["-s", "1024", "-c", "2048"], true],
  [["-s", "4096", "-c", "65536"], false],
];

for (const [options, compress] of geometries) {
  test.skipIf(reason)(`mkntfs ${options.join(" ")}`, () => {
    makeVolume(image, 48, options);
    withMount(image, folder, `compression,${STREAMS}`, (mountpoint) => {
      run("python3", ["-c", POPULATE], {
        cwd: mountpoint,
        env: { ...process.env, COMPRESS: compress ? "1" : "" },
      });
    });
    const volume = openImage(image);
    expect(volume.description).toMatchObject({ title: "NTFS 3.1", warnings: [] });
    if (options[0] === "-L") expect(volume.description.label).toBe("L\u00e4bel");
    const found = withMount(image, folder, `ro,${STREAMS}`, (mountpoint) =>
      // ntfs-3g counts clusters otherwise where a file lies in its record.
      differences(mountpoint, volume, { skip: new Set(["blocks"]) }),
    );
    expect(found).toEqual([]);
  });
}

test.skipIf(reason)("names in any case, streams by name, hidden system files", () => {
  makeVolume(image, 8);
  withMount(image, folder, STREAMS, (mountpoint) => {
    run(
      "sh",
      ["-c", "mkdir Dir; echo text > 'Dir/Stra\u00dfe \u00c9'; setfattr -n user.Zone -v xyz Dir/*"],
      {
        cwd: mountpoint,
      },
    );
  });
  const volume = openImage(image);
  const directory = volume.lookup(ROOT_NODE, "dIR");
  expect(directory).toBe(volume.lookup(ROOT_NODE, "Dir"));
  const file = volume.lookup(directory, "stra\u00dfe \u00e9");
  expect(file).toBeGreaterThan(0);
  expect(volume.lookup(directory, "strasse \u00e9")).toBe(0);
  expect(volume.parent(directory)).toBe(ROOT_NODE);
  expect(volume.lookup(directory, "..")).toBe(ROOT_NODE);
  const stream = volume.lookup(directory, "Stra\u00dfe \u00c9:zone");
  expect(stream).toBeGreaterThan(file);
  expect(stream).toBeLessThanOrEqual(volume.maxNode);
  const attributes = new Attributes();
  volume.attributes(stream, attributes);
  expect(attributes).toMatchObject({ mode: 0o100777, size: 3, nlink: 1 });
  const bytes = Buffer.alloc(5);
  expect(volume.read(stream, 0, bytes, 0, 5)).toBe(3);
  expect(bytes.toString("latin1", 0, 3)).toBe("xyz");
  expect(volume.lookup(directory, "Stra\u00dfe \u00c9:other")).toBe(0);
  const shown: string[] = [];
  volume.readDirectory(ROOT_NODE, 0, (name) => shown.push(name) > 0);
  expect(shown).toEqual(["Dir"]);
  const mft = volume.lookup(ROOT_NODE, "$MFT");
  volume.attributes(mft, attributes);
  expect(attributes.size).toBeGreaterThan(20_000);
});

/** Tag, length, data: REPARSE_DATA_BUFFER. */
function reparse(tag: number, data: Buffer): string {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(tag);
  header.writeUInt16LE(data.length, 4);
  return `0x${Buffer.concat([header, data]).toString("hex")}`;
}

function linkData(target: string, flags?: number): Buffer {
  const path = Buffer.from(target, "utf16le");
  const header = Buffer.alloc(flags === undefined ? 8 : 12);
  header.writeUInt16LE(path.length, 2);
  header.writeUInt16LE(path.length, 4);
  header.writeUInt16LE(0, 6);
  if (flags !== undefined) header.writeUInt32LE(flags, 8);
  return Buffer.concat([header, path]);
}

test.skipIf(reason)("junctions and symlinks lead to where they would on Windows", () => {
  makeVolume(image, 8);
  const JUNCTION = 0xa0000003;
  const SYMLINK = 0xa000000c;
  const links: [name: string, tag: number, data: Buffer, target: string][] = [
    ["a/b/here", SYMLINK, linkData("..\\sibling\\x.txt", 1), "../sibling/x.txt"],
    ["a/b/rooted", SYMLINK, linkData("\\a\\file", 1), "../../a/file"],
    ["a/b/drive", SYMLINK, linkData("\\??\\C:\\A\\FILE", 0), "../../A/FILE"],
    ["a/top", SYMLINK, linkData("\\??\\C:\\", 0), ".."],
    ["elsewhere", SYMLINK, linkData("\\??\\D:\\not\\here", 0), "D:/not/here"],
    ["a/unc", SYMLINK, linkData("\\??\\UNC\\server\\share", 0), "//server/share"],
    ["junction", JUNCTION, linkData("\\??\\C:\\a\\b"), "a/b"],
    ["volume", JUNCTION, linkData("\\??\\Volume{01234567-89ab-cdef-0123-456789abcdef}\\a"), "a"],
    ["linux", 0xa000001d, Buffer.from("\x02\0\0\0../w\u00fcrst", "utf8"), "../w\u00fcrst"],
  ];
  withMount(image, folder, "compression", (mountpoint) => {
    mkdirSync(join(mountpoint, "a", "b"), { recursive: true });
    writeFileSync(join(mountpoint, "a", "file"), "");
    for (const [name, tag, data] of links) {
      const path = join(mountpoint, name);
      if (tag === JUNCTION) mkdirSync(path);
      else writeFileSync(path, "");
      run("setfattr", ["-h", "-n", "system.ntfs_reparse_data", "-v", reparse(tag, data), path]);
    }
  });
  const volume = openImage(image);
  const attributes = new Attributes();
  for (const [name, , , target] of links) {
    const node = name
      .split("/")
      .reduce((directory, part) => volume.lookup(directory, part), ROOT_NODE);
    volume.attributes(node, attributes);
    expect(attributes.mode, name).toBe(0o120777);
    expect(volume.readLink(node), name).toBe(target);
    expect(attributes.size, name).toBe(Buffer.byteLength(target));
  }
});

test.skipIf(reason)("special files as WSL stores them", () => {
  makeVolume(image, 8);
  withMount(image, folder, "special_files=wsl", (mountpoint) => {
    run(
      "python3",
      [
        "-c",
        `
import os, socket
os.mknod("fifo", 0o010666); os.mknod("char", 0o020666, os.makedev(300, 70000)); os.mknod("block", 0o060666, os.makedev(8, 1))
socket.socket(socket.AF_UNIX).bind("sock"); os.symlink("../w\u00fcrst", "link")`,
      ],
      { cwd: mountpoint },
    );
  });
  const volume = openImage(image);
  const found = withMount(image, folder, "ro", (mountpoint) =>
    differences(mountpoint, volume, { skip: new Set(["blocks", "xattrs"]) }),
  );
  // ntfs-3g gives them no permissions at all.
  expect(found.filter((line) => !/^\/(sock|fifo|char|block): mode /.test(line))).toEqual([]);
  const attributes = new Attributes();
  const types = ["sock", "fifo", "char", "block"].map((name) => {
    volume.attributes(volume.lookup(ROOT_NODE, name), attributes);
    return attributes.mode;
  });
  expect(types).toEqual([0o140777, 0o010777, 0o020777, 0o060777]);
  expect(volume.readLink(volume.lookup(ROOT_NODE, "link"))).toBe("../w\u00fcrst");
});

test.skipIf(reason)("devices of Interix, deduplicated and unknown reparse points", () => {
  makeVolume(image, 8);
  const tags = { dedup: 0x80000013, cloud: 0x9000001a, sis: 0x80000007, unknown: 0x8000001b };
  const nfs = {
    "nfs-link": Buffer.concat([Buffer.from("LNK\0\0\0\0\0"), Buffer.from("ä/b", "utf16le")]),
    "nfs-char": Buffer.from("CHR\0\0\0\0\0\x05\0\0\0\x01\0\0\0"),
    "nfs-block": Buffer.from("BLK\0\0\0\0\0\x08\0\0\0\x11\0\0\0"),
    "nfs-fifo": Buffer.from("FIFO\0\0\0\0"),
    "nfs-socket": Buffer.from("SOCK\0\0\0\0"),
  };
  withMount(image, folder, "special_files=interix", (mountpoint) => {
    run(
      "python3",
      [
        "-c",
        `
import os
os.mknod("char", 0o020666, os.makedev(5, 1)); os.mknod("block", 0o060666, os.makedev(8, 255)); os.symlink("a/b", "link")`,
      ],
      {
        cwd: mountpoint,
      },
    );
    for (const [name, tag] of Object.entries(tags)) {
      const path = join(mountpoint, name);
      writeFileSync(path, "here");
      const value = reparse(tag, Buffer.alloc(16));
      run("setfattr", ["-h", "-n", "system.ntfs_reparse_data", "-v", value, path]);
    }
    for (const name of ["online", "stored"]) {
      const path = join(mountpoint, name);
      writeFileSync(path, name === "stored" ? Buffer.alloc(5000, 7) : "");
      truncateSync(path, 100_000);
      const value = reparse(0x9000701a, Buffer.alloc(16));
      run("setfattr", ["-h", "-n", "system.ntfs_reparse_data", "-v", value, path]);
    }
    for (const [name, data] of Object.entries(nfs)) {
      const path = join(mountpoint, name);
      writeFileSync(path, "");
      const value = reparse(0x80000014, data);
      run("setfattr", ["-h", "-n", "system.ntfs_reparse_data", "-v", value, path]);
    }
  });
  const volume = openImage(image);
  const attributes = new Attributes();
  const stat = (name: string) => {
    volume.attributes(volume.lookup(ROOT_NODE, name), attributes);
    return attributes;
  };
  expect(stat("char")).toMatchObject({ mode: 0o020777, rdevMajor: 5, rdevMinor: 1, size: 0 });
  expect(stat("block")).toMatchObject({ mode: 0o060777, rdevMajor: 8, rdevMinor: 255 });
  expect(volume.readLink(volume.lookup(ROOT_NODE, "link"))).toBe("a/b");
  expect(() => contents(volume, "dedup")).toThrow(/file record \d+: its contents are deduplicated/);
  expect(contents(volume, "cloud").toString()).toBe("here");
  expect(contents(volume, "unknown").toString()).toBe("here");
  expect(() => contents(volume, "sis")).toThrow(/its contents are in a single-instance store/);
  expect(() => contents(volume, "online")).toThrow(/its contents are in the cloud/);
  expect(contents(volume, "stored").subarray(4990, 5002)).toEqual(
    Buffer.from([...new Array(10).fill(7), 0, 0]),
  );
  expect(volume.readLink(volume.lookup(ROOT_NODE, "nfs-link"))).toBe("ä/b");
  expect(stat("nfs-link")).toMatchObject({ mode: 0o120777, size: 4 });
  expect(stat("nfs-char")).toMatchObject({ mode: 0o020777, rdevMajor: 5, rdevMinor: 1 });
  expect(stat("nfs-block")).toMatchObject({ mode: 0o060777, rdevMajor: 8, rdevMinor: 17 });
  expect(stat("nfs-fifo").mode).toBe(0o010777);
  expect(stat("nfs-socket").mode).toBe(0o140777);
});

test.skipIf(reason)("files that Windows Overlay Filter compressed, with wimlib's chunks", () => {
  const tree = join(folder, "wof");
  mkdirSync(tree);
  writeFileSync(
    join(tree, "text"),
    Array.from({ length: 30_000 }, (_, i) => `line ${i}`).join("\n"),
  );
  writeFileSync(
    join(tree, "mixed"),
    Buffer.concat([noise(50_000, "wof"), Buffer.alloc(70_000, "ab")]),
  );
  makeVolume(image, 16);
  const expected = new Map<string, string>();
  withMount(image, folder, "streams_interface=windows", (mountpoint) => {
    for (const [algorithm, compression, chunkSize] of [
      [0, "XPRESS", 4096],
      [1, "LZX", 32768],
      [2, "XPRESS", 8192],
      [3, "XPRESS", 16384],
    ] as const) {
      packedByWimlib(tree, folder, compression, chunkSize).forEach((resource, index) => {
        const name = `${compression}-${chunkSize}-${index}`;
        const path = join(mountpoint, name);
        writeFileSync(path, "");
        truncateSync(path, resource.size);
        writeFileSync(`${path}:WofCompressedData`, resource.bytes);
        const data = Buffer.from([1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, algorithm, 0, 0, 0]);
        run("setfattr", [
          "-h",
          "-n",
          "system.ntfs_reparse_data",
          "-v",
          reparse(0x80000017, data),
          path,
        ]);
        expected.set(name, resource.sha1);
      });
    }
  });
  const volume = openImage(image);
  expect(expected.size).toBeGreaterThanOrEqual(8);
  for (const [name, sha1] of expected) {
    const bytes = contents(volume, name);
    expect(createHash("sha1").update(bytes).digest("hex"), name).toBe(sha1);
    const node = volume.lookup(ROOT_NODE, name);
    expect(volume.listXattrs(node)).toEqual([]);
    const range = { fd: 0, position: 0, length: 0 };
    expect(volume.locate?.(node, 0, 10, range)).toBe(false);
    if (bytes.length < 40_000) continue;
    const part = Buffer.alloc(100);
    expect(volume.read(node, 32_700, part, 0, 100)).toBe(100);
    expect(part.equals(bytes.subarray(32_700, 32_800))).toBe(true);
  }
  const broken = readFileSync(image);
  const [resource] = packedByWimlib(tree, folder, "LZX", 32768).filter(
    ({ size }) => size > 100_000,
  );
  const at = broken.indexOf(resource.bytes.subarray(0, 64));
  expect(at).toBeGreaterThan(0);
  broken.writeUInt32LE(0x7fffffff, at);
  const file = join(folder, "broken");
  writeFileSync(file, broken);
  const damaged = openImage(file);
  expect(
    [...expected.keys()].filter((name) => {
      try {
        contents(damaged, name);
        return false;
      } catch (error) {
        expect((error as Error).message).toMatch(
          /^ntfs: file record \d+, chunk \d at .*stored for/,
        );
        return true;
      }
    }),
  ).toHaveLength(1);
});

test.skipIf(reason)("every stored extent is located, no hole is", () => {
  makeVolume(image, 16);
  const data = noise(500_000, "located");
  withMount(image, folder, "compression", (mountpoint) => {
    run(
      "python3",
      [
        "-c",
        `
import sys, os
f = open("f", "wb"); data = sys.stdin.buffer.read()
f.write(data); f.seek(2000000); f.write(data); f.close()`,
      ],
      { cwd: mountpoint, input: data, stdio: ["pipe", "pipe", "pipe"] },
    );
  });
  const volume = openSource(new FileSource(openSync(image, "r")));
  const node = volume.lookup(ROOT_NODE, "f");
  const disk = readFileSync(image);
  const whole = contents(volume, "f");
  expect(whole.subarray(2_000_000).equals(data)).toBe(true);
  const range = { fd: -1, position: 0, length: 0 };
  let located = 0;
  for (let position = 0; position < whole.length; ) {
    if (volume.locate?.(node, position, whole.length - position, range)) {
      const stored = disk.subarray(range.position, range.position + range.length);
      expect(stored.equals(whole.subarray(position, position + range.length))).toBe(true);
      located += range.length;
      position += range.length;
    } else {
      const next = Math.min(whole.length, (Math.floor(position / 4096) + 1) * 4096);
      expect(whole.subarray(position, next).every((byte) => byte === 0)).toBe(true);
      position = next;
    }
  }
  expect(located).toBeGreaterThanOrEqual(1_000_000);
});
