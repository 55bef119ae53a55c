/** Compares a Volume with the same image mounted by a driver that is not ours. */
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import {
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  type Volume,
} from "../../../image-core/filesystem/volume.js";
import { run } from "../../support/tools.js";
import { walk } from "../../support/walk.js";

export interface CompareOptions {
  /** Paths that one side does not show. */
  ignore?: (path: string) => boolean;
  /** Fields that the driver invents. */
  skip?: ReadonlySet<
    "nlink" | "size of directories" | "blocks" | "ino" | "atime" | "ctime" | "xattrs"
  >;
}

/** Every difference, one line each; empty when the driver and we see the same. */
export function differences(
  mountpoint: string,
  volume: Volume,
  options: CompareOptions = {},
): string[] {
  const skip = options.skip ?? new Set();
  const ignore = options.ignore ?? (() => false);
  const found: string[] = [];
  const ours = walk(volume);
  const theirs = new Set<string>();
  const pending = ["/"];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (ignore(path)) continue;
    theirs.add(path);
    const full = join(mountpoint, path);
    const file = ours.get(path);
    if (file === undefined) {
      found.push(`${path}: missing`);
      continue;
    }
    const stat = lstatSync(full, { bigint: true });
    const type = Number(stat.mode) & S_IFMT;
    const { attributes } = file;
    const device = makeDevice(attributes.rdevMajor, attributes.rdevMinor);
    const check = (what: string, mine: unknown, other: unknown) => {
      if (mine !== other) found.push(`${path}: ${what} ${mine}, driver says ${other}`);
    };
    check("mode", attributes.mode, Number(stat.mode));
    check("uid", attributes.uid, Number(stat.uid));
    check("gid", attributes.gid, Number(stat.gid));
    check("device", device, stat.rdev);
    check("mtime", nanoseconds(attributes.mtime, attributes.mtimeNs), stat.mtimeNs);
    if (!skip.has("ctime"))
      check("ctime", nanoseconds(attributes.ctime, attributes.ctimeNs), stat.ctimeNs);
    if (!skip.has("atime"))
      check("atime", nanoseconds(attributes.atime, attributes.atimeNs), stat.atimeNs);
    if (!skip.has("nlink")) check("nlink", attributes.nlink, Number(stat.nlink));
    if (!skip.has("ino")) check("ino", attributes.ino, Number(stat.ino));
    if (!skip.has("blocks")) check("blocks", attributes.blocks, Number(stat.blocks));
    if (type !== S_IFDIR || !skip.has("size of directories")) {
      check("size", attributes.size, Number(stat.size));
    }
    if (type === S_IFREG) check("content", readable(file.content), sha256(full));
    if (type === S_IFLNK) check("target", file.content, readlinkSync(full));
    if (type === S_IFDIR) {
      for (const name of readdirSync(full))
        pending.push(path === "/" ? `/${name}` : `${path}/${name}`);
    }
  }
  for (const path of ours.keys()) {
    if (!theirs.has(path) && !ignore(path)) found.push(`${path}: only we show it`);
  }
  if (!skip.has("xattrs")) {
    const mine = new Map<string, string>();
    for (const [path, file] of ours) {
      for (const name of volume.listXattrs(file.node)) {
        const value = volume.readXattr(file.node, name);
        mine.set(`${path} ${name}`, value === undefined ? "none" : sha(value));
      }
    }
    const other = mountedXattrs(mountpoint);
    for (const [key, value] of mine) {
      if (other.get(key) !== value) found.push(`${key}: ${value}, driver says ${other.get(key)}`);
    }
    for (const key of other.keys()) if (!mine.has(key)) found.push(`${key}: missing`);
  }
  return found;
}

/** `path name` to the sha256 of the value, over a whole tree. */
function mountedXattrs(mountpoint: string): Map<string, string> {
  const found = new Map<string, string>();
  const dump = run("getfattr", ["-R", "-P", "-h", "-d", "-m", "-", "-e", "hex", "."], {
    cwd: mountpoint,
  }).toString();
  let path = "/";
  for (const line of dump.split("\n")) {
    if (line.startsWith("# file: "))
      path = line === "# file: ." ? "/" : `/${unescapeOctal(line.slice(8))}`;
    const equals = line.indexOf("=0x");
    if (equals > 0)
      found.set(
        `${path} ${line.slice(0, equals)}`,
        sha(Buffer.from(line.slice(equals + 3), "hex")),
      );
    else if (/^[a-z]+\.\S+$/.test(line)) found.set(`${path} ${line}`, sha(new Uint8Array()));
  }
  return found;
}

/** getfattr writes unusual bytes of a path as `\ooo`. */
function unescapeOctal(path: string): string {
  const bytes = path.replace(/\\([0-7]{3})/g, (_, octal) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
  return Buffer.from(bytes, "latin1").toString();
}

function nanoseconds(seconds: number, ns: number): bigint {
  return BigInt(seconds) * 1_000_000_000n + BigInt(ns);
}

function makeDevice(major: number, minor: number): bigint {
  const low = BigInt((minor & 0xff) | ((major & 0xfff) << 8));
  return low | (BigInt(minor >>> 8) << 20n);
}

/** What neither can read (encrypted without a key) is the same on both sides. */
const UNREADABLE = "unreadable";

function readable(content: string): string {
  return content.startsWith("error: ") ? UNREADABLE : content;
}

function sha256(path: string): string {
  try {
    return sha(readFileSync(path));
  } catch {
    return UNREADABLE;
  }
}

function sha(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
