/** One directory record as parsed: reused, so that listing allocates nothing but names. */
import { type Attributes, type NodeId, S_IFDIR, S_IFLNK, S_IFREG } from "../volume.js";

/** Permissions where none are stored: as Linux's isofs shows them. */
const DEFAULT_PERMISSIONS = 0o555;

/**
 * Inode numbers of hard links: above every node id (twice a byte offset of at most 2^43), first
 * those by serial number (RRIP 1.12), then those by extent.
 */
const INO_SERIAL = 2 ** 45;
const INO_EXTENT = INO_SERIAL + 2 ** 32;

/** A file's record is its node; a directory is where its records begin, however it was reached. */
export function recordNode(position: number): NodeId {
  return position * 2;
}

export function directoryNode(start: number): NodeId {
  return start * 2 + 1;
}

export function isDirectoryNode(node: NodeId): boolean {
  return node % 2 === 1;
}

/** Byte offset of the record, or of the directory's first record. */
export function nodePosition(node: NodeId): number {
  return Math.floor(node / 2);
}

export class Entry {
  /** 0: nothing parsed. */
  node: NodeId = 0;
  /** As the record spells it; the directory may have to tell it from another (shown-names.ts). */
  name = "";
  /** ECMA-119 7.5.1; 0 where there is none, or where Rock Ridge names the file. */
  version = 0;
  /** Shown with its version, because a newer one follows. */
  superseded = false;
  /** File flags (9.1.6). */
  flags = 0;
  /** S_IF* bits. */
  type = 0;
  /** Permission bits, set-id and sticky included. */
  permissions = 0;
  nlink = 1;
  uid = 0;
  gid = 0;
  rdevMajor = 0;
  rdevMinor = 0;
  /** Of the contents as shown. */
  size = 0;
  /** Bytes of all extents in the image. */
  stored = 0;
  /** First logical block of the first extent. */
  extent = 0;
  /** In logical blocks; of the first extent. */
  attributeRecordBlocks = 0;
  mtime = 0;
  mtimeNs = 0;
  atime = 0;
  atimeNs = 0;
  ctime = 0;
  ctimeNs = 0;
  /** PX file serial number; -1 where there is none. */
  serial = -1;
  /** RE: shown elsewhere, by the record with CL. */
  relocated = false;
  /** Byte offset of the directory's first record (after CL, where there is one). */
  childStart = 0;
  /** PL of a `..` record: logical block of the true parent; 0 where there is none. */
  parentBlock = 0;
  /** SL entries were seen. */
  symlink = false;
  /** ZF: `pz` is zisofs 1, `PZ` version 2; empty where not compressed. */
  zisofs = "";
  zisofsHeaderBytes = 0;
  zisofsBlockBits = 0;
  /** SF: stored as a tree of sparse tables. */
  sparse = false;

  reset(owner: { uid: number; gid: number }): void {
    this.node = 0;
    this.name = "";
    this.version = 0;
    this.superseded = false;
    this.type = S_IFREG;
    this.permissions = DEFAULT_PERMISSIONS;
    this.nlink = 1;
    this.uid = owner.uid;
    this.gid = owner.gid;
    this.rdevMajor = this.rdevMinor = 0;
    this.serial = -1;
    this.relocated = false;
    this.childStart = 0;
    this.parentBlock = 0;
    this.symlink = false;
    this.zisofs = "";
    this.sparse = false;
  }

  /** A directory whose `.` record is damaged: nothing is known but that it is one. */
  resetDirectory(owner: { uid: number; gid: number }, seconds: number): void {
    this.reset(owner);
    this.flags = 0;
    this.size = this.stored = this.extent = this.attributeRecordBlocks = 0;
    this.setTimes(seconds, 0);
  }

  setTimes(seconds: number, nanoseconds: number): void {
    this.mtime = this.atime = this.ctime = seconds;
    this.mtimeNs = this.atimeNs = this.ctimeNs = nanoseconds;
  }

  /** `linkBytes`: length of a symlink's target, which is its size. */
  fill(attributes: Attributes, linkBytes: number): void {
    const holdsData = this.type === S_IFREG || this.type === S_IFDIR;
    attributes.ino = this.ino();
    attributes.mode = this.type | this.permissions;
    attributes.nlink = this.nlink;
    attributes.uid = this.uid;
    attributes.gid = this.gid;
    attributes.rdevMajor = this.rdevMajor;
    attributes.rdevMinor = this.rdevMinor;
    attributes.size = this.type === S_IFLNK ? linkBytes : holdsData ? this.size : 0;
    attributes.blocks = holdsData ? Math.ceil(this.stored / 512) : 0;
    attributes.atime = this.atime;
    attributes.atimeNs = this.atimeNs;
    attributes.mtime = this.mtime;
    attributes.mtimeNs = this.mtimeNs;
    attributes.ctime = this.ctime;
    attributes.ctimeNs = this.ctimeNs;
  }

  private ino(): number {
    if (this.type === S_IFDIR || this.nlink < 2) return this.node;
    if (this.serial >= 0) return INO_SERIAL + this.serial;
    // RRIP 1.09 and 1.10 have no serial numbers, but links share their extent.
    return this.type === S_IFREG && this.stored > 0 ? INO_EXTENT + this.extent : this.node;
  }
}
