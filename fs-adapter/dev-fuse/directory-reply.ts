/** Packs directory entries into the answer to READDIR and READDIRPLUS until it is full. */
import {
  Attributes,
  type EmitEntry,
  type NodeId,
  S_IFDIR,
  S_IFREG,
  type Volume,
} from "../../image-core/filesystem/volume.js";
import { DIRENT_SIZE, ENTRY_OUT_SIZE } from "./abi.js";
import type { FilesAhead } from "./files-ahead.js";
import type { Listing } from "./listing.js";
import type { Reply } from "./reply.js";
import type { TreeWalk } from "./tree-walk.js";

/** `.` and `..` take the first two cookies; the volume's own follow. */
const DOT_COOKIE = 1;
const DOT_DOT_COOKIE = 2;

/**
 * FUSE_NAME_MAX of most kernels: one longer name, and they refuse the whole listing. Only names of
 * hundreds of undecodable bytes get there, each of which is shown as five.
 */
const MAX_NAME_BYTES = 1024;

export type Remainder = "none" | "entries" | "damage";

export class DirectoryReply {
  private plus = false;
  /** Where the next entry goes, and where the answer is full. */
  private at = 0;
  private limit = 0;
  private left: Remainder = "none";
  private cookie = 0;
  private readonly attributes = new Attributes();
  /** Where to note the files and the directories that are listed, if they are. */
  private listing: Listing | undefined;
  private walk: TreeWalk | undefined;
  private readonly emit: EmitEntry = (name, node, type, next) =>
    this.append(name, node, type, next + DOT_DOT_COOKIE);

  constructor(
    private readonly volume: Volume,
    private readonly reply: Reply,
    private readonly filesAhead: FilesAhead | undefined,
    private readonly treeWalk: TreeWalk | undefined,
  ) {}

  /** Returns the payload's length in bytes. Throws only if not even one entry was packed. */
  fill(directory: NodeId, cookie: number, size: number, plus: boolean): number {
    this.plus = plus;
    this.listing = plus ? this.filesAhead?.listing(directory, cookie) : undefined;
    this.walk = plus && this.treeWalk?.begin(directory, cookie) ? this.treeWalk : undefined;
    this.at = this.reply.payload;
    this.limit = this.at + Math.min(size, this.reply.bytes.length - this.at);
    this.left = "none";
    this.cookie = cookie;
    try {
      if (cookie < DOT_COOKIE && !this.dot(".", directory, DOT_COOKIE)) return this.length();
      if (cookie < DOT_DOT_COOKIE) {
        const parent = this.volume.parent(directory);
        if (!this.dot("..", parent, DOT_DOT_COOKIE)) return this.length();
      }
      this.volume.readDirectory(directory, Math.max(0, cookie - DOT_DOT_COOKIE), this.emit);
    } catch (error) {
      this.left = "damage";
      // What was packed is good: it goes out, and the next call meets the damage first.
      if (this.length() === 0) throw error;
    } finally {
      if (this.listing) this.listing.cookie = this.cookie;
      this.walk?.leaveOff(this.cookie);
    }
    return this.length();
  }

  /** What of the directory lies behind the answer. */
  get remainder(): Remainder {
    return this.left;
  }

  /** Of the last entry in the answer. */
  get lastCookie(): number {
    return this.cookie;
  }

  private length(): number {
    return this.at - this.reply.payload;
  }

  private dot(name: string, node: NodeId, cookie: number): boolean {
    this.volume.attributes(node, this.attributes);
    // Node 0: the kernel must not take a reference on `.` and `..`.
    return this.pack(name, 0, S_IFDIR, cookie);
  }

  private append(name: string, node: NodeId, type: number, cookie: number): boolean {
    // The inode number in an entry must be the one that stat shows, so READDIR needs it as well.
    this.volume.attributes(node, this.attributes);
    if (!this.pack(name, node, type, cookie)) return false;
    const { ino, size } = this.attributes;
    if (type === S_IFDIR) this.walk?.add(node);
    else if (type === S_IFREG && this.filesAhead?.suits(size)) this.listing?.add(node, ino, size);
    return true;
  }

  private pack(name: string, node: NodeId, type: number, cookie: number): boolean {
    const { reply } = this;
    const head = this.at + (this.plus ? ENTRY_OUT_SIZE : 0);
    const start = head + DIRENT_SIZE;
    // UTF-8 takes at most 3 bytes a UTF-16 unit: only near the end is it worth counting them.
    if (start + name.length * 3 + 8 > this.limit) {
      const bytes = Buffer.byteLength(name);
      if (((start + bytes + 7) & ~7) > this.limit) {
        this.left = "entries";
        return false;
      }
    }
    const length = reply.bytes.write(name, start, "utf8");
    if (length > MAX_NAME_BYTES) return true;
    const end = (start + length + 7) & ~7;
    reply.bytes.fill(0, start + length, end);
    if (this.plus) {
      if (node === 0) reply.clear(this.at, ENTRY_OUT_SIZE);
      else reply.entry(this.at, node, this.attributes);
    }
    const w = reply.words;
    const i = head >> 2;
    w[i] = this.attributes.ino;
    w[i + 1] = this.attributes.ino / 2 ** 32;
    w[i + 2] = cookie;
    w[i + 3] = cookie / 2 ** 32;
    w[i + 4] = length;
    w[i + 5] = type >> 12;
    this.at = end;
    this.cookie = cookie;
    return true;
  }
}
