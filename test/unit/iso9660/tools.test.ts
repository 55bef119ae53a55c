/** Images by xorriso and genisoimage against their own sources and against readers that are not ours. */
import { createHash } from "node:crypto";
import {
  chmodSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import {
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  type Volume,
} from "../../../image-core/filesystem/volume.js";
import { run, scratch } from "../../support/tools.js";
import { walk } from "../../support/walk.js";
import { attributesAt, contentsAt, namesIn, nodeAt, volumeOf } from "./volume-of.js";

const work = scratch("iso9660");
const source = join(work, "source");

interface Row {
  type: number;
  permissions: number;
  uid: number;
  gid: number;
  mtime: number;
  content: string;
}

/** A folder of the host as `walk` shows a volume. */
function walkHost(top: string, path = "", rows = new Map<string, Row>()): Map<string, Row> {
  for (const name of readdirSync(top + path)) {
    const child = `${path}/${name}`;
    const stat = lstatSync(top + child);
    let content = "";
    if (stat.isSymbolicLink()) content = readlinkSync(top + child);
    else if (stat.isFile()) {
      content = createHash("sha256")
        .update(readFileSync(top + child))
        .digest("hex");
    }
    rows.set(child, {
      type: stat.mode & S_IFMT,
      permissions: stat.mode & 0o7777,
      uid: stat.uid,
      gid: stat.gid,
      mtime: Math.floor(stat.mtimeMs / 1000),
      content,
    });
    if (stat.isDirectory()) walkHost(top, child, rows);
  }
  return rows;
}

function walkVolume(volume: Volume): Map<string, Row> {
  const rows = new Map<string, Row>();
  for (const [path, { attributes, content }] of walk(volume)) {
    if (path === "/") continue;
    rows.set(path, {
      type: attributes.mode & S_IFMT,
      permissions: attributes.mode & 0o7777,
      uid: attributes.uid,
      gid: attributes.gid,
      mtime: attributes.mtime,
      content,
    });
  }
  return rows;
}

function sorted<T>(rows: Map<string, T>): [string, T][] {
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1));
}

function image(name: string): Uint8Array {
  return readFileSync(join(work, name));
}

/** Everything that osirrox takes out of an image. */
function extracted(name: string): Map<string, Row> {
  const folder = join(work, `${name}.extracted`);
  mkdirSync(folder);
  const args = ["-osirrox", "on", "-indev", join(work, name), "-extract", "/", folder];
  run("xorriso", ["-acl", "on", "-xattr", "on", ...args]);
  const rows = walkHost(folder);
  // The folder that only held what was put back where it belongs.
  rows.delete("/rr_moved");
  return rows;
}

/** Paths and sizes of files as a lister prints them. */
function names(rows: Map<string, Row>, type?: number): string[] {
  return [...rows]
    .filter(([, row]) => type === undefined || row.type === type)
    .map(([path]) => path)
    .sort();
}

beforeAll(() => {
  mkdirSync(source);
  const file = (path: string, data: string | Uint8Array, mode = 0o644) => {
    writeFileSync(join(source, path), data);
    chmodSync(join(source, path), mode);
  };
  file("hello.txt", "hello\n");
  file("empty", "");
  file("Some Long Name With Spaces and-dots.tar.gz", "x".repeat(5000), 0o600);
  file("setuid", "#!/bin/sh\n", 0o4755);
  file("\u00fcml\u00e4ut \u65e5\u672c\u8a9e.txt", "unicode");
  file(`${"n".repeat(200)}.txt`, "long name");
  file("big", Buffer.alloc(300_000, "0123456789abcdef"));
  mkdirSync(join(source, "dir/sub"), { recursive: true });
  file("dir/sub/leaf", "leaf");
  linkSync(join(source, "hello.txt"), join(source, "dir/hardlink"));
  symlinkSync("../hello.txt", join(source, "dir/up"));
  symlinkSync("/absolute/./path//with/../parts", join(source, "absolute"));
  symlinkSync("y".repeat(250), join(source, "long-component"));
  let deep = "";
  for (let level = 1; level <= 11; level++) deep += `/level${level}`;
  mkdirSync(source + deep, { recursive: true });
  file(`${deep.slice(1)}/bottom`, "bottom");
  run("mkfifo", [join(source, "fifo")]);
  run("mknod", [join(source, "char"), "c", "5", "300"]);
  run("mknod", [join(source, "block"), "b", "8", "1"]);
  lutimesSync(join(source, "empty"), 1, -86_400 * 365 * 20);
  lutimesSync(join(source, "hello.txt"), 1, 2_223_376_496);
  run("chown", ["1234:5678", join(source, "hello.txt")]);
  run("setfattr", ["-n", "user.short", "-v", "value", join(source, "hello.txt")]);
  run("setfattr", ["-n", "user.long", "-v", "v".repeat(3000), join(source, "hello.txt")]);
  run("setfacl", ["-m", "u:77:rw,g:88:r", join(source, "hello.txt")]);
  run("setfacl", ["-d", "-m", "u:99:rwx", join(source, "dir")]);
  const general = "-quiet -iso-level 3 -input-charset utf-8 -R -J -joliet-long -o".split(" ");
  run("genisoimage", [...general, join(work, "g.iso"), source]);
  // Not for genisoimage, which garbles targets beyond 255 bytes.
  symlinkSync(`${"component/".repeat(60)}end`, join(source, "long-link"));
  const on = "-charset utf-8 -acl on -xattr on -hardlinks on -joliet on".split(" ");
  run("xorriso", [...on, "-outdev", join(work, "x.iso"), "-map", source, "/", "-commit"]);
});

describe("Rock Ridge", () => {
  it.each(["x.iso", "g.iso"])("%s is as osirrox extracts it", (name) => {
    const ours = walkVolume(volumeOf(image(name)));
    // osirrox refuses the device files of genisoimage; another test looks at them.
    for (const path of ["/block", "/char"]) expect(ours.delete(path)).toBe(true);
    const theirs = extracted(name);
    expect(names(ours)).toEqual(names(theirs));
    // It dates symlinks by the moment of extraction, and what comes after 2038 a day too late.
    for (const [path, row] of theirs) {
      const late = row.mtime > 2 ** 31;
      if (row.type === S_IFLNK || late) row.mtime = ours.get(path)?.mtime ?? 0;
    }
    expect(ours.get("/hello.txt")?.mtime).toBe(2_223_376_496);
    expect(sorted(ours)).toEqual(sorted(theirs));
  });

  it("is the source, byte for byte, with owners and dates before 1970 and after 2038", () => {
    expect(sorted(walkVolume(volumeOf(image("x.iso"))))).toEqual(sorted(walkHost(source)));
  });

  it("shows devices as the source has them", () => {
    for (const [path, major, minor] of [
      ["/char", 5, 300],
      ["/block", 8, 1],
    ] as const) {
      const attributes = attributesAt(volumeOf(image("x.iso")), path);
      expect([attributes.rdevMajor, attributes.rdevMinor]).toEqual([major, minor]);
    }
    // genisoimage keeps 8 bits of each.
    const block = attributesAt(volumeOf(image("g.iso")), "/block");
    expect([block.rdevMajor, block.rdevMinor]).toEqual([8, 1]);
  });

  it.each(["x.iso", "g.iso"])("%s: hard links share their inode number", (name) => {
    const volume = volumeOf(image(name));
    const first = attributesAt(volume, "/hello.txt");
    const second = attributesAt(volume, "/dir/hardlink");
    expect(second.nlink).toBe(2);
    expect(second.ino).toBe(first.ino);
    expect(attributesAt(volume, "/big").ino).not.toBe(first.ino);
    expect(nodeAt(volume, "/dir/hardlink")).not.toBe(nodeAt(volume, "/hello.txt"));
  });

  it("puts relocated directories back, `..` and all", () => {
    const volume = volumeOf(image("g.iso"));
    expect(namesIn(volume)).not.toContain("rr_moved");
    let node = nodeAt(volume, "/");
    for (let level = 1; level <= 11; level++) {
      const child = volume.lookup(node, `level${level}`);
      expect(child).toBeGreaterThan(0);
      expect(volume.parent(child)).toBe(node);
      expect(volume.lookup(child, "..")).toBe(node);
      node = child;
    }
  });

  it("gives xattrs and ACLs to the byte", () => {
    const volume = volumeOf(image("x.iso"));
    for (const path of ["/hello.txt", "/dir"]) {
      const node = nodeAt(volume, path);
      const theirs = new Map<string, string>();
      const dump = run("getfattr", ["-h", "-d", "-m", "-", "-e", "hex", source + path]);
      for (const line of dump.toString().split("\n")) {
        const [name, value] = line.split("=0x");
        if (value !== undefined) theirs.set(name, value);
      }
      const ours = new Map(
        volume
          .listXattrs(node)
          .map((name) => [name, Buffer.from(volume.readXattr(node, name) ?? []).toString("hex")]),
      );
      expect(theirs.size).toBeGreaterThan(0);
      expect(ours).toEqual(theirs);
    }
    expect(volume.listXattrs(nodeAt(volume, "/big"))).toEqual([]);
    expect(volume.readXattr(nodeAt(volume, "/big"), "user.none")).toBeUndefined();
  });

  it("is found by bsdtar under the same names", () => {
    const listed = run("bsdtar", ["-tf", join(work, "g.iso")])
      .toString()
      .split("\n");
    const theirs = listed.filter((line) => line.endsWith("bottom") || line === "fifo");
    expect(theirs).toHaveLength(2);
    const ours = names(walkVolume(volumeOf(image("g.iso"))));
    for (const path of theirs) expect(ours).toContain(`/${path}`);
  });
});

describe("Joliet", () => {
  it("has the names that isoinfo reads, and the bytes of the source", () => {
    const volume = volumeOf(image("g.iso"), { options: { view: "joliet" } });
    const rows = walkVolume(volume);
    const args = ["-J", "-f", "-i", join(work, "g.iso")];
    const listed = run("isoinfo", args).toString().trimEnd().split("\n").sort();
    // isoinfo shows characters beyond its charset as something else.
    const ascii = (path: string) => /^[\x20-\x7e]*$/.test(path);
    expect(names(rows).filter(ascii)).toEqual(listed.filter(ascii));
    const host = walkHost(source);
    for (const [path, row] of rows) {
      if (row.type !== S_IFREG || !host.has(path)) continue;
      if (host.get(path)?.type === S_IFREG) expect(row.content).toBe(host.get(path)?.content);
    }
    const unicode = "/\u00fcml\u00e4ut \u65e5\u672c\u8a9e.txt";
    const byXorriso = volumeOf(image("x.iso"), { options: { view: "joliet" } });
    expect(names(walkVolume(byXorriso))).toContain(unicode);
  });
});

describe("plain ISO 9660", () => {
  it("has the names and bytes that 7-Zip and isoinfo read", () => {
    const output = join(work, "plain.iso");
    const wanted = ["hello.txt", "big", "empty"].map((name) => join(source, name));
    run("genisoimage", ["-quiet", "-o", output, ...wanted]);
    const volume = volumeOf(image("plain.iso"));
    const listed = run("isoinfo", ["-f", "-i", output]).toString().trimEnd().split("\n");
    const theirs = listed.map((path) => path.toLowerCase().replace(/\.?;1$/, ""));
    expect(names(walkVolume(volume))).toEqual(theirs.sort());
    const bytes = run("7z", ["x", "-so", output, "BIG"]);
    expect(contentsAt(volume, "/big").equals(bytes)).toBe(true);
    expect(attributesAt(volume, "/big").mode).toBe(S_IFREG | 0o555);
    expect(attributesAt(volume, "/").mode).toBe(S_IFDIR | 0o555);
  });

  it("reads ISO 9660:1999, whose names are long and keep their case", () => {
    const output = join(work, "enhanced.iso");
    run("genisoimage", ["-quiet", "-iso-level", "4", "-o", output, join(source, "dir/sub")]);
    const volume = volumeOf(image("enhanced.iso"), { options: { view: "enhanced" } });
    expect(volume.description.features).toContain("ISO 9660:1999");
    expect(namesIn(volume)).toEqual(["leaf"]);
  });
});

describe("zisofs by xorriso", () => {
  it.each(["off", "on"])("decompresses what was compressed with version_2=%s", (version2) => {
    const name = `zisofs-${version2}.iso`;
    run("xorriso", [
      "-zisofs",
      `version_2=${version2}:level=6`,
      ...["-outdev", join(work, name), "-map", source, "/"],
      ...["-set_filter_r", "--zisofs", "/", "--", "-commit"],
    ]);
    const volume = volumeOf(image(name));
    const attributes = attributesAt(volume, "/big");
    expect(attributes.size).toBe(300_000);
    expect(attributes.blocks * 512).toBeLessThan(300_000);
    expect(contentsAt(volume, "/big").equals(readFileSync(join(source, "big")))).toBe(true);
    // In small steps across block borders, too.
    expect(contentsAt(volume, "/big", 777).equals(readFileSync(join(source, "big")))).toBe(true);
  });
});
