/**
 * An NTFS volume as a Volume.
 *
 * A file's node id is its record number and one, but that the root (record 5) and record 0 trade
 * places; a named stream's lies as many tables of records further up as its place among the streams.
 * Modes are 0777, as ntfs-3g shows them without a user mapping; Windows' access lists are not read.
 */

import { RecentlyUsed } from "../../cache/recently-used.js";
import { corrupt, ImageError } from "../../errors.js";
import type { HostRange } from "../../source/byte-source.js";
import {
  type Attributes,
  type EmitEntry,
  type NodeId,
  ROOT_NODE,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  type Volume,
  type VolumeDescription,
  type VolumeStatistics,
} from "../volume.js";
import { FORMAT } from "./boot-sector.js";
import { DirectoryListing, isHidden, MAX_LISTED, visitNames } from "./directory-listing.js";
import { countFreeClusters } from "./free-clusters.js";
import { shownTarget } from "./link-target.js";
import type { Mft } from "./mft.js";
import { type Content, type NamedStream, type NtfsFile, openNtfsFile } from "./ntfs-file.js";
import type { Disk } from "./stream.js";

export const ROOT_RECORD = 5;
/** Bytes of records and run lists that are kept decoded. */
const FILES_BYTES = 8 * 1024 * 1024;
/** Named streams of one file that have nodes. */
const MAX_STREAMS = 4096;
/** The kernel's limit for any attribute's value; longer streams are read as `FILE:STREAM` only. */
const MAX_XATTR = 65536;
/** Windows allows paths of 32,767 units: no directory is deeper. */
const MAX_DEPTH = 16384;
const PERMISSIONS = 0o777;
const XATTR_PREFIX = "user.";

export class NtfsVolume implements Volume {
  readonly maxNode: number;
  private readonly files = new RecentlyUsed<NtfsFile>(FILES_BYTES);
  private readonly listings = new RecentlyUsed<DirectoryListing>(MAX_LISTED);
  private freeClusters: number | undefined;

  constructor(
    readonly description: VolumeDescription,
    private readonly disk: Disk,
    private readonly mft: Mft,
    private readonly fold: (name: string) => string,
    private readonly owner: { uid: number; gid: number },
  ) {
    this.maxNode = mft.count * (MAX_STREAMS + 1);
  }

  lookup(directory: NodeId, name: string): NodeId {
    if (name === ".") return directory;
    if (name === "..") return this.parent(directory);
    const record = this.lookupRecord(this.directory(directory), name);
    if (record !== undefined) {
      const stray = this.strayDirectory(this.directory(directory), record);
      if (stray !== undefined) throw stray;
      return nodeOf(record);
    }
    const colon = name.indexOf(":");
    return colon > 0
      ? this.lookupStream(directory, name.slice(0, colon), name.slice(colon + 1))
      : 0;
  }

  attributes(node: NodeId, attributes: Attributes): void {
    const file = this.file(node);
    const stream = this.namedStream(node, file);
    attributes.ino = stream === undefined ? file.record.number : node;
    attributes.mode = (stream === undefined ? file.type : S_IFREG) | PERMISSIONS;
    attributes.nlink =
      stream !== undefined || file.type === S_IFDIR ? 1 : Math.max(1, file.names.length);
    attributes.uid = this.owner.uid;
    attributes.gid = this.owner.gid;
    attributes.rdevMajor = stream === undefined ? file.rdevMajor : 0;
    attributes.rdevMinor = stream === undefined ? file.rdevMinor : 0;
    const allocated = stream === undefined ? file.allocatedSize : stream.stream.allocatedSize;
    attributes.blocks = Math.ceil(allocated / 512);
    attributes.size = stream === undefined ? this.size(file) : stream.stream.size;
    attributes.atime = file.accessed.seconds;
    attributes.atimeNs = file.accessed.nanoseconds;
    attributes.mtime = file.modified.seconds;
    attributes.mtimeNs = file.modified.nanoseconds;
    attributes.ctime = file.changed.seconds;
    attributes.ctimeNs = file.changed.nanoseconds;
  }

  readDirectory(directory: NodeId, cookie: number, emit: EmitEntry): void {
    const file = this.directory(directory);
    const listing = this.listing(file);
    let damage: ImageError | undefined;
    if (listing === undefined) {
      let stray: ImageError | undefined;
      damage = visitNames(this.disk, file.record, cookie, ({ name }, record, next) => {
        if (isHidden(record)) return true;
        const wrong = this.strayDirectory(file, record);
        stray ??= wrong;
        return wrong !== undefined || emit(name, nodeOf(record), this.type(record), next);
      });
      damage ??= stray;
    } else {
      const { names, records, cookies } = listing;
      for (let index = listing.indexBehind(cookie); index < names.length; index++) {
        const record = records[index];
        const type = this.type(record);
        const stray = type === S_IFDIR ? this.strayDirectory(file, record, listing) : undefined;
        if (stray !== undefined) damage ??= stray;
        else if (!emit(names[index], nodeOf(record), type, cookies[index])) return;
      }
      damage ??= listing.damage;
    }
    if (damage !== undefined) throw damage;
  }

  parent(directory: NodeId): NodeId {
    if (directory === ROOT_NODE) return ROOT_NODE;
    const { names, record } = this.directory(directory);
    if (names.length === 0) throw corrupt(FORMAT, `file record ${record.number}`, 0, "has no name");
    return nodeOf(names[0].parent);
  }

  readLink(node: NodeId): string {
    const file = this.file(node);
    const { link, record } = file;
    if (link === undefined) throw corrupt(FORMAT, `file record ${record.number}`, 0, "is no link");
    if (link.kind === "linux") {
      return typeof link.target === "string" ? link.target : Buffer.from(link.target).toString();
    }
    return shownTarget(link.target, link.relative, {
      depth: () => this.depth(file),
      exists: (components) => this.exists(components),
    });
  }

  read(node: NodeId, position: number, target: Uint8Array, offset: number, length: number): number {
    return this.content(node).read(position, target, offset, length);
  }

  locate(node: NodeId, position: number, length: number, range: HostRange): boolean {
    return this.content(node).locate?.(position, length, range) ?? false;
  }

  listXattrs(node: NodeId): readonly string[] {
    const file = this.file(node);
    if (this.namedStream(node, file) !== undefined) return [];
    return file.streams
      .filter(({ stream }) => stream.size <= MAX_XATTR)
      .map(({ name }) => XATTR_PREFIX + name);
  }

  readXattr(node: NodeId, name: string): Uint8Array | undefined {
    const file = this.file(node);
    if (this.namedStream(node, file) !== undefined || !name.startsWith(XATTR_PREFIX)) {
      return undefined;
    }
    const stored = name.slice(XATTR_PREFIX.length);
    const found = file.streams.find((stream) => stream.name === stored);
    return found?.stream.readAll(MAX_XATTR);
  }

  statistics(): VolumeStatistics {
    const { clusterSize, clusters } = this.disk.boot;
    this.freeClusters ??= countFreeClusters(this.disk, this.mft);
    return {
      blockSize: clusterSize,
      // The last sector is the boot sector's copy, and makes no cluster.
      blocks: clusters - 1,
      freeBlocks: this.freeClusters,
      files: this.mft.count,
      maxNameBytes: 255,
    };
  }

  private lookupRecord(directory: NtfsFile, name: string): number | undefined {
    const listing = this.listing(directory);
    let damage: ImageError | undefined;
    if (listing === undefined) {
      let found: number | undefined;
      const wanted = this.fold(name);
      damage = visitNames(this.disk, directory.record, 0, (entry, record) => {
        if (entry.name === name || this.fold(entry.name) === wanted) found = record;
        return entry.name !== name;
      });
      if (found !== undefined) return found;
    } else {
      const found =
        listing.lookup(name) ??
        listing.lookup(name.normalize("NFC")) ??
        listing.lookupFolded(name, this.fold);
      if (found !== undefined) return found;
      damage = listing.damage;
    }
    // Absent from what could be read is not absent.
    if (damage !== undefined) throw damage;
    return undefined;
  }

  private lookupStream(directory: NodeId, name: string, stream: string): NodeId {
    const record = this.lookupRecord(this.directory(directory), name);
    if (record === undefined) return 0;
    const { streams } = this.file(nodeOf(record));
    const wanted = this.fold(stream);
    const index = streams.findIndex((candidate) => this.fold(candidate.name) === wanted);
    if (index < 0 || index >= MAX_STREAMS) return 0;
    return nodeOf(record) + (index + 1) * this.mft.count;
  }

  private file(node: NodeId): NtfsFile {
    const record = this.recordOf(node);
    const held = this.files.get(record);
    if (held !== undefined) return held;
    const file = openNtfsFile(this.disk, this.mft.load(record));
    return this.files.add(record, file, file.weight);
  }

  private directory(node: NodeId): NtfsFile {
    const file = this.file(node);
    if (file.type !== S_IFDIR) {
      throw corrupt(FORMAT, `file record ${file.record.number}`, 0, "is not a directory");
    }
    return file;
  }

  /** Undefined for a directory too large to be held. */
  private listing(directory: NtfsFile): DirectoryListing | undefined {
    const { number } = directory.record;
    let listing = this.listings.get(number);
    if (listing === undefined) {
      listing = new DirectoryListing(this.disk, directory.record);
      this.listings.add(number, listing, 16 + listing.names.length);
    }
    return listing.tooLarge ? undefined : listing;
  }

  private content(node: NodeId): Content {
    const file = this.file(node);
    return this.namedStream(node, file)?.stream ?? file.content;
  }

  /** Undefined for the file itself. */
  private namedStream(node: NodeId, file: NtfsFile): NamedStream | undefined {
    const index = Math.floor((node - 1) / this.mft.count);
    if (index === 0) return undefined;
    const stream = file.streams[index - 1];
    if (stream !== undefined) return stream;
    throw corrupt(
      FORMAT,
      `file record ${file.record.number}`,
      0,
      `stream ${index} of ${file.streams.length}`,
    );
  }

  /** A link's size is its target's length, as every filesystem has it. */
  private size(file: NtfsFile): number {
    if (file.type !== S_IFLNK) return file.size;
    return Buffer.byteLength(this.readLink(nodeOf(file.record.number)));
  }

  /** The type bits, or a plain file's where the record is damaged: asking for more will say so. */
  private type(record: number): number {
    try {
      return this.file(nodeOf(record)).type & S_IFMT;
    } catch (error) {
      if (error instanceof ImageError) return S_IFREG;
      throw error;
    }
  }

  /**
   * What is wrong with an entry for a directory that says it lies elsewhere, or that has several
   * names here: followed, such entries make rings and trees without end. Undefined for files.
   */
  private strayDirectory(
    directory: NtfsFile,
    record: number,
    listing?: DirectoryListing,
  ): ImageError | undefined {
    if (this.type(record) !== S_IFDIR) return undefined;
    const parent = directory.record.number;
    const wrong = (problem: string) =>
      corrupt(FORMAT, `directory, file record ${parent}, entry for record ${record}`, 0, problem);
    if (listing?.repeatedly.has(record)) return wrong("a directory has one name only");
    const { names } = this.file(nodeOf(record));
    if (record !== ROOT_RECORD && names.some((name) => name.parent === parent)) return undefined;
    return wrong(`it lies in record ${names[0]?.parent} by its own account`);
  }

  /** Of the directory that a file lies in, below the root. */
  private depth(file: NtfsFile): number {
    let parent = file.names[0]?.parent ?? ROOT_RECORD;
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      if (parent === ROOT_RECORD) return depth;
      parent = this.file(nodeOf(parent)).names[0]?.parent ?? ROOT_RECORD;
    }
    throw corrupt(FORMAT, `file record ${file.record.number}`, 0, "its directories form a ring");
  }

  private exists(components: readonly string[]): boolean {
    let record = ROOT_RECORD;
    for (const component of components) {
      const directory = this.file(nodeOf(record));
      if (directory.type !== S_IFDIR) return false;
      const next = this.lookupRecord(directory, component);
      if (next === undefined) return false;
      record = next;
    }
    return true;
  }

  private recordOf(node: NodeId): number {
    const first = ((node - 1) % this.mft.count) + 1;
    return first === ROOT_NODE ? ROOT_RECORD : first === ROOT_RECORD + 1 ? 0 : first - 1;
  }
}

function nodeOf(record: number): NodeId {
  return record === ROOT_RECORD ? ROOT_NODE : record === 0 ? ROOT_RECORD + 1 : record + 1;
}
