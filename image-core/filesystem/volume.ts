/**
 * What a mounted filesystem is to the rest of isomount: read-only, inode-based, synchronous,
 * walkable whole. The adapter turns this into FUSE answers and nothing else knows about FUSE.
 */
import type { HostRange } from "../source/byte-source.js";

/**
 * Names one object for as long as the image exists: derived from where the object lies (a record's
 * offset, an inode number, a CNID), never from a counter, so that a restarted server gives the same
 * ids. A positive safe integer, at most `Volume.maxNode`. Two objects never share one, even if
 * they share their extents.
 */
export type NodeId = number;

/** The root directory of every volume. */
export const ROOT_NODE: NodeId = 1;

/** st_mode's type bits. */
export const S_IFMT = 0o170000;
export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;

/** As in stat(2). Filled in by the volume, reused by the caller: no field keeps an earlier value. */
export class Attributes {
  /** Inode number shown to programs: hard links share it although their nodes may differ. */
  ino = 0;
  /** Type and permission bits. */
  mode = 0;
  nlink = 1;
  uid = 0;
  gid = 0;
  rdevMajor = 0;
  rdevMinor = 0;
  size = 0;
  /** In units of 512 bytes, what the object takes up in the image (0 for a hole). */
  blocks = 0;
  /** Whole seconds since 1970, negative before; nanoseconds 0 to 999,999,999 count upwards. */
  atime = 0;
  atimeNs = 0;
  mtime = 0;
  mtimeNs = 0;
  ctime = 0;
  ctimeNs = 0;
}

export interface VolumeStatistics {
  blockSize: number;
  /** In units of `blockSize`. */
  blocks: number;
  freeBlocks: number;
  /** 0 where the format does not count them. */
  files: number;
  maxNameBytes: number;
}

/**
 * Receives one entry of a directory; returns false when it is full (that entry then counts as not
 * taken). `type` is the S_IF* bits. `nextCookie` continues behind this entry: a positive safe
 * integer, stable for the life of the image.
 */
export type EmitEntry = (name: string, node: NodeId, type: number, nextCookie: number) => boolean;

/** What `info` and `list` tell about a volume. */
export interface VolumeDescription {
  /** Format id as in the registry. */
  format: string;
  /** For people: `ISO 9660 with Rock Ridge`. */
  title: string;
  /** Empty where there is none. */
  label: string;
  uuid?: string;
  /** Seconds since 1970. */
  created?: number;
  blockSize: number;
  /** The tree that is shown, where the image has several, and why it was taken. */
  view?: { shown: string; available: string[]; reason: string };
  /** What the volume uses, in the specification's words: `Joliet level 3`, `zisofs 2`. */
  features: string[];
  /** Ways in which it boots: `El Torito BIOS, no emulation`. */
  boot?: string[];
  /** What is damaged or odd yet did not prevent the mount. */
  warnings: string[];
}

export interface Volume {
  readonly description: VolumeDescription;
  /** No node id is greater; lets several volumes share one id space. */
  readonly maxNode: number;

  /**
   * The node of `name` in `directory`, or 0 where there is none. `name` is what `readDirectory`
   * emitted, to the letter (formats that ignore case also find other spellings). `.` and `..` are
   * looked up as well: file handles are restored through them.
   */
  lookup(directory: NodeId, name: string): NodeId;

  /** Overwrites every field of `attributes`. Cheap right after the node was looked up or emitted. */
  attributes(node: NodeId, attributes: Attributes): void;

  /**
   * Emits the entries behind `cookie` (0: from the start) until `emit` returns false or none is
   * left. Without `.` and `..`, which the adapter adds. Names are unique within a directory.
   */
  readDirectory(directory: NodeId, cookie: number, emit: EmitEntry): void;

  /** The directory a directory lies in; the root's is the root. */
  parent(directory: NodeId): NodeId;

  readLink(node: NodeId): string;

  /** As `ByteSource.read`, over a file's contents: holes read as zeros, short only at the end. */
  read(node: NodeId, position: number, target: Uint8Array, offset: number, length: number): number;

  /** As `ByteSource.locate`, over a file's contents. */
  locate?(node: NodeId, position: number, length: number, range: HostRange): boolean;

  /**
   * False only if no object of this volume has extended attributes: the kernel then stops asking,
   * which `ls -l` would otherwise do for every file.
   */
  readonly hasXattrs?: boolean | undefined;

  /** Full names with their namespace: `user.com.apple.FinderInfo`. Empty where there are none. */
  listXattrs(node: NodeId): readonly string[];
  readXattr(node: NodeId, name: string): Uint8Array | undefined;

  statistics(): VolumeStatistics;
}
