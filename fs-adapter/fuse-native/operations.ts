/** A Volume as fuse-native's operations: callbacks with a negative errno first. */
import { constants } from "node:os";
import { Attributes, S_IFDIR, S_IFMT, type Volume } from "../../image-core/filesystem/volume.js";
import { errnoOf } from "../errno.js";
import { PathTable } from "./path-table.js";

const { errno } = constants;

type Callback<T extends unknown[]> = (error: number, ...results: T) => void;

interface Stat {
  mode: number;
  size: number;
  nlink: number;
  uid: number;
  gid: number;
  rdev: number;
  ino: number;
  blocks: number;
  blksize: number;
  atime: Date;
  mtime: Date;
  ctime: Date;
}

export interface Operations {
  getattr(path: string, done: Callback<[Stat?]>): void;
  readdir(path: string, done: Callback<[string[]?]>): void;
  readlink(path: string, done: Callback<[string?]>): void;
  open(path: string, flags: number, done: Callback<[number?]>): void;
  read(
    path: string,
    fd: number,
    buffer: Buffer,
    length: number,
    position: number,
    done: (gotOrError: number) => void,
  ): void;
  getxattr(path: string, name: string, position: number, done: Callback<[Buffer?]>): void;
  listxattr(path: string, done: Callback<[string[]?]>): void;
  statfs(path: string, done: Callback<[object?]>): void;
}

export function nativeOperations(
  volume: Volume,
  onError: (error: unknown, operation: string, path: string) => void,
): Operations {
  const paths = new PathTable(volume);

  /** Runs one operation on the node of a path; what it throws becomes its errno. */
  function on(
    operation: string,
    path: string,
    fail: (error: number) => void,
    answer: (node: number) => void,
  ): void {
    try {
      const node = paths.node(path);
      if (node === 0) fail(-errno.ENOENT);
      else answer(node);
    } catch (error) {
      onError(error, operation, path);
      fail(-errnoOf(error));
    }
  }

  return {
    getattr: (path, done) => on("getattr", path, done, (node) => done(0, stat(volume, node))),
    readdir: (path, done) =>
      on("readdir", path, done, (node) => {
        // libfuse 2 asks for the whole directory at once; there is no way to give it in parts.
        const names = [".", ".."];
        volume.readDirectory(node, 0, (name) => names.push(name) > 0);
        done(0, names);
      }),
    readlink: (path, done) => on("readlink", path, done, (node) => done(0, volume.readLink(node))),
    open: (path, _flags, done) => on("open", path, done, (node) => done(0, node % 2 ** 31)),
    read: (path, _fd, buffer, length, position, done) =>
      on("read", path, done, (node) => done(volume.read(node, position, buffer, 0, length))),
    getxattr: (path, name, _position, done) =>
      on("getxattr", path, done, (node) => {
        const value = volume.readXattr(node, name);
        if (value === undefined) done(-errno.ENODATA);
        else done(0, Buffer.from(value));
      }),
    listxattr: (path, done) =>
      on("listxattr", path, done, (node) => done(0, [...volume.listXattrs(node)])),
    statfs: (_path, done) => {
      const s = volume.statistics();
      done(0, {
        bsize: s.blockSize,
        frsize: s.blockSize,
        blocks: s.blocks,
        bfree: 0,
        bavail: 0,
        files: s.files,
        ffree: 0,
        favail: 0,
        fsid: 0,
        flag: 1,
        namemax: s.maxNameBytes,
      });
    },
  };
}

function stat(volume: Volume, node: number): Stat {
  const a = new Attributes();
  volume.attributes(node, a);
  return {
    mode: a.mode,
    size: a.size,
    nlink: (a.mode & S_IFMT) === S_IFDIR ? Math.max(a.nlink, 1) : a.nlink,
    uid: a.uid,
    gid: a.gid,
    rdev: (a.rdevMinor & 0xff) | (a.rdevMajor << 8) | ((a.rdevMinor & ~0xff) << 12),
    // The library's field has 32 bits.
    ino: a.ino % 2 ** 32,
    blocks: a.blocks,
    blksize: 128 * 1024,
    atime: date(a.atime, a.atimeNs),
    mtime: date(a.mtime, a.mtimeNs),
    ctime: date(a.ctime, a.ctimeNs),
  };
}

/**
 * The library splits milliseconds into unsigned halves, so times before 1970 are shown as 1970; and
 * it takes 0 for "none" and shows the present, so 1970 itself is a millisecond late.
 */
function date(seconds: number, nanoseconds: number): Date {
  return new Date(Math.max(1, seconds * 1000 + Math.floor(nanoseconds / 1e6)));
}
