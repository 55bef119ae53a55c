/**
 * One suite over both transports: what a program sees of a mount, by the calls that programs make.
 * Where fuse-native falls short, `lacks` names it, and the test says so.
 */
import { execFileSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  opendirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  statfsSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { startIsomount } from "../support/isomount.js";
import { run, scratch } from "../support/tools.js";

const folder = scratch("conformance");
const image = join(folder, "image.iso");
const source = join(folder, "source");
const MANY = 3000;

/** Contents that tell a wrong block from a right one. */
function pattern(bytes: number): Buffer {
  const data = Buffer.alloc(bytes);
  for (let i = 0; i + 4 <= bytes; i += 4) data.writeUInt32LE(i, i);
  return data;
}

beforeAll(() => {
  mkdirSync(join(source, "many"), { recursive: true });
  mkdirSync(join(source, "deep/er/still"), { recursive: true });
  writeFileSync(join(source, "small"), "hello\n");
  writeFileSync(join(source, "empty"), "");
  writeFileSync(join(source, "large"), pattern(5_000_001));
  writeFileSync(join(source, "naïve 日本 🙂.txt"), "unicode\n");
  writeFileSync(join(source, "private"), "mine\n", { mode: 0o600 });
  writeFileSync(join(source, "old"), "");
  writeFileSync(join(source, "new"), "");
  // Node's own utimes takes negative times for the present.
  run("touch", ["-d", "1969-07-20T20:17:40Z", join(source, "old")]);
  run("touch", ["-d", "2100-01-01T00:00:00Z", join(source, "new")]);
  linkSync(join(source, "small"), join(source, "hard link"));
  symlinkSync("deep/er/still", join(source, "relative"));
  symlinkSync("/nowhere/at all", join(source, "absolute"));
  execFileSync("mknod", [join(source, "device"), "b", "8", "300"]);
  execFileSync("mkfifo", [join(source, "fifo")]);
  for (let i = 0; i < MANY; i++) writeFileSync(join(source, "many", `file-${i}`), String(i));
  execFileSync("setfattr", ["-n", "user.colour", "-v", "blue", join(source, "small")]);
  run("xorriso", [
    ...["-outdev", image, "-volid", "CONFORMANCE", "-xattr", "any", "-hardlinks", "on"],
    ...["-map", source, "/", "-commit"],
  ]);
});

const isomount = startIsomount();

interface Capabilities {
  transport: "dev-fuse" | "fuse-native";
  lacks: Set<string>;
}

const transports: Capabilities[] = [
  { transport: "dev-fuse", lacks: new Set() },
  {
    transport: "fuse-native",
    lacks: new Set([
      // The library's Dates become unsigned halves.
      "times before 1970",
      // A value that does not fit the caller's buffer cannot be refused.
      "ERANGE",
      // libfuse 2 keeps its own numbers.
      "exported handles",
    ]),
  },
];

describe.each(transports)("$transport", ({ transport, lacks }) => {
  let mount: string;
  const at = (...names: string[]) => join(mount, ...names);
  const original = (...names: string[]) => join(source, ...names);

  beforeAll(() => {
    mount = isomount.mount(image, `transport=${transport}`);
  });

  it("is a read-only mount without devices and setuid, of our type", () => {
    const line = readFileSync("/proc/mounts", "utf8")
      .split("\n")
      .find((each) => each.split(" ")[1] === mount);
    expect(line).toMatch(/ fuse\.isomount ro,/);
    for (const option of ["nosuid", "nodev"]) expect(line?.split(" ")[3]).toContain(option);
    expect(isomount.list().find((each) => each.mountpoint === mount)).toMatchObject({
      transport,
      sandboxed: transport === "dev-fuse",
      filesystem: "iso9660",
      label: "CONFORMANCE",
    });
  });

  it("lists a directory once and whole, with the types that stat shows", () => {
    expect(readdirSync(mount).sort()).toEqual(readdirSync(source).sort());
    for (const entry of readdirSync(mount, { withFileTypes: true })) {
      const stat = lstatSync(at(entry.name));
      expect([entry.isDirectory(), entry.isSymbolicLink(), entry.isFIFO()]).toEqual([
        stat.isDirectory(),
        stat.isSymbolicLink(),
        stat.isFIFO(),
      ]);
    }
  });

  it("lists a directory that takes many answers", () => {
    const names = readdirSync(at("many"));
    expect(names.length).toBe(MANY);
    expect(new Set(names)).toEqual(new Set(readdirSync(original("many"))));
  });

  it("goes on with a directory stream that others interrupt", () => {
    const stream = opendirSync(at("many"), { bufferSize: 1 });
    let count = 0;
    for (let entry = stream.readSync(); entry !== null; entry = stream.readSync()) {
      if (count++ % 100 === 0) readdirSync(at("many"));
    }
    stream.closeSync();
    expect(count).toBe(MANY);
  });

  it("shows . and .. with the right inode numbers", () => {
    const list = run("ls", ["-ai", at("deep/er")]).toString();
    const inode = (name: string) =>
      Number(new RegExp(`^ *(\\d+) ${name.replaceAll(".", "\\.")}$`, "m").exec(list)?.[1]);
    expect(inode(".")).toBe(statSync(at("deep/er")).ino);
    expect(inode("..")).toBe(statSync(at("deep")).ino);
    expect(inode("still")).toBe(statSync(at("deep/er/still")).ino);
  });

  it("reads files whole, in parts, at their end and beyond", () => {
    expect(readFileSync(at("small"), "utf8")).toBe("hello\n");
    expect(readFileSync(at("empty")).length).toBe(0);
    expect(readFileSync(at("large")).equals(readFileSync(original("large")))).toBe(true);
    const expected = readFileSync(original("large"));
    const fd = openSync(at("large"), "r");
    const buffer = Buffer.alloc(200_000);
    for (const [position, length] of [
      [0, 1],
      [4095, 2],
      [2047, 4099],
      [1_000_003, 131_072],
      [4_900_000, 200_000],
      [5_000_000, 10],
      [5_000_001, 10],
      [9_000_000, 10],
    ]) {
      const got = readSync(fd, buffer, 0, length, position);
      const wanted = expected.subarray(position, position + length);
      expect(got).toBe(wanted.length);
      expect(buffer.subarray(0, got).equals(wanted)).toBe(true);
    }
    closeSync(fd);
  });

  it("reads past the page cache", () => {
    const copied = run("dd", [`if=${at("large")}`, "iflag=direct", "bs=64k", "status=none"]);
    expect(copied.equals(readFileSync(original("large")))).toBe(true);
  });

  it("maps files into memory", () => {
    // cmp reads; grep maps; python's mmap is plain.
    const code =
      "import mmap,sys;f=open(sys.argv[1],'rb');m=mmap.mmap(f.fileno(),0,prot=mmap.PROT_READ);sys.stdout.buffer.write(m[4000000:4000008])";
    const mapped = run("python3", ["-c", code, at("large")]);
    expect(mapped.equals(readFileSync(original("large")).subarray(4_000_000, 4_000_008))).toBe(
      true,
    );
  });

  it("shows modes, owners, links, sizes and blocks as they were recorded", () => {
    for (const name of readdirSync(source)) {
      const shown = lstatSync(at(name));
      const stored = lstatSync(original(name));
      expect([name, shown.mode, shown.uid, shown.gid]).toEqual([
        name,
        stored.mode,
        stored.uid,
        stored.gid,
      ]);
      if (shown.isFile()) {
        expect([name, shown.size, shown.nlink]).toEqual([name, stored.size, stored.nlink]);
        expect(shown.blocks).toBe(Math.ceil(stored.size / 512));
      }
    }
    expect(statSync(at("small")).ino).toBe(statSync(at("hard link")).ino);
    expect(lstatSync(at("device")).rdev).toBe(lstatSync(original("device")).rdev);
  });

  it("shows times before 1970 and after 2038", () => {
    expect(statSync(at("new")).mtimeMs / 1000).toBe(4102444800);
    const old = Math.floor(statSync(at("old")).mtimeMs / 1000);
    expect(old).toBe(lacks.has("times before 1970") ? 0 : -14182940);
  });

  it("follows links, relative and absolute", () => {
    expect(readlinkSync(at("relative"))).toBe("deep/er/still");
    expect(readlinkSync(at("absolute"))).toBe("/nowhere/at all");
    expect(readdirSync(at("relative"))).toEqual([]);
  });

  it("finds names in any script, and says no to others, again and again", () => {
    expect(readFileSync(at("naïve 日本 🙂.txt"), "utf8")).toBe("unicode\n");
    for (let i = 0; i < 3; i++) {
      expect(existsSync(at("not there"))).toBe(false);
      expect(existsSync(at("SMALL"))).toBe(false);
      expect(existsSync(at("many", "file-99999"))).toBe(false);
    }
    expect(() => readFileSync(at("small", "below"))).toThrow(/ENOTDIR/);
    expect(() => readFileSync(at("x".repeat(256)))).toThrow(/ENAMETOOLONG|ENOENT/);
  });

  it("refuses every change", () => {
    expect(() => writeFileSync(at("small"), "x")).toThrow(/EROFS/);
    expect(() => writeFileSync(at("fresh"), "x")).toThrow(/EROFS/);
    expect(() => mkdirSync(at("fresh"))).toThrow(/EROFS/);
    expect(() => utimesSync(at("small"), 1, 1)).toThrow(/EROFS/);
  });

  it("shows extended attributes", () => {
    const get = (name: string, file: string) =>
      run("getfattr", ["--only-values", "-n", name, "--absolute-names", at(file)]).toString();
    expect(get("user.colour", "small")).toBe("blue");
    expect(run("getfattr", ["-d", "--absolute-names", at("small")]).toString()).toContain(
      'user.colour="blue"',
    );
    expect(() => get("user.none", "small")).toThrow(/No such attribute/);
    expect(run("getfattr", ["-d", "--absolute-names", at("large")]).toString()).toBe("");
    if (lacks.has("ERANGE")) return;
    const code =
      "import ctypes,sys;l=ctypes.CDLL(None,use_errno=True);b=ctypes.create_string_buffer(2);print(l.getxattr(sys.argv[1].encode(),b'user.colour',b,2),ctypes.get_errno())";
    expect(
      run("python3", ["-c", code, at("small")])
        .toString()
        .trim(),
    ).toBe("-1 34");
  });

  it("tells its size, and that nothing is free", () => {
    const stat = statfsSync(mount);
    expect(stat.bsize * stat.blocks).toBeGreaterThan(5_000_000);
    expect(stat.bsize * stat.blocks).toBeLessThanOrEqual(statSync(image).size + 2048 * 300);
    expect(stat.bfree + stat.bavail).toBe(0);
  });

  it("restores file handles as an NFS server would", () => {
    if (lacks.has("exported handles")) {
      console.log(`${transport}: exported handles are not supported by libfuse 2's path interface`);
      return;
    }
    // name_to_handle_at and open_by_handle_at, with the dentry cache dropped in between.
    const code = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
class Handle(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_uint), ("type", ctypes.c_int), ("data", ctypes.c_ubyte * 128)]
handle = Handle(bytes=128)
mount_id = ctypes.c_int()
assert libc.name_to_handle_at(-100, sys.argv[2].encode(), ctypes.byref(handle), ctypes.byref(mount_id), 0) == 0, os.strerror(ctypes.get_errno())
open("/proc/sys/vm/drop_caches", "w").write("2")
root = os.open(sys.argv[1], os.O_RDONLY)
fd = libc.open_by_handle_at(root, ctypes.byref(handle), os.O_RDONLY)
assert fd >= 0, os.strerror(ctypes.get_errno())
print(os.readlink(f"/proc/self/fd/{fd}"))
`;
    const restored = run("python3", ["-c", code, mount, at("deep/er/still")])
      .toString()
      .trim();
    expect(restored).toBe(at("deep/er/still"));
  });

  it("answers a reader that is killed, and everyone after it", () => {
    for (let i = 0; i < 5; i++) {
      const script = `dd if=${at("large")} of=/dev/null bs=4k iflag=direct status=none & sleep 0.00${i}; kill -9 $!; wait`;
      execFileSync("sh", ["-c", script], { stdio: "ignore" });
    }
    expect(readFileSync(at("small"), "utf8")).toBe("hello\n");
  });

  it("is busy while a folder in it is in use, and goes when it is not", () => {
    const fd = openSync(at("large"), "r");
    const refused = isomount.run("umount", mount);
    expect(refused.status).toBe(32);
    expect(refused.stderr).toContain("in use");
    closeSync(fd);
    isomount.succeed("umount", mount);
    expect(isomount.leftovers()).toEqual([]);
  });
});
