/**
 * The Volume over a catalog, as HFS and HFS+ share it. What only one of them has (hard links,
 * compression, attributes) comes in through the protected methods.
 *
 * A node is the position of a catalog record, twice, plus 1 for the resource fork; plus 2, so that
 * 1 remains the root's. Hard links to a file all have the node of the file that they share. Links
 * to a directory have their own nodes, since Linux lets a directory's node have one path only, and
 * share the inode number.
 */
import { ImageError } from "../../errors.js";
import type { OpenContext } from "../../format.js";
import type { HostRange } from "../../source/byte-source.js";
import {
  type Attributes,
  type EmitEntry,
  type NodeId,
  ROOT_NODE,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  type Volume,
  type VolumeDescription,
  type VolumeStatistics,
} from "../volume.js";
import type { Catalog } from "./catalog.js";
import { type CatalogEntry, type ForkDescription, ROOT_FOLDER_CNID } from "./catalog-entry.js";
import {
  FINDER_INFO_XATTR,
  isZero,
  RESOURCE_FORK_SUFFIX,
  RESOURCE_FORK_XATTR,
} from "./finder-info.js";
import { type OpenFork, OpenForks } from "./open-forks.js";
import { readAttribute } from "./read-attribute.js";

/** Inode numbers of resource forks follow those of all CNIDs. */
const RESOURCE_FORK_INO = 2 ** 32;
/** Folders whose thread was checked; forgotten all at once. */
const MAX_CHECKED_FOLDERS = 65_536;

export abstract class CatalogVolume implements Volume {
  abstract readonly description: VolumeDescription;
  readonly maxNode: number;
  private readonly rootPosition: number;
  private readonly forks = new OpenForks((node) => this.openFork(node));
  private readonly checkedFolders = new Map<NodeId, number>();

  protected constructor(
    protected readonly catalog: Catalog,
    protected readonly format: string,
    private readonly context: OpenContext,
  ) {
    this.rootPosition = catalog.rootPosition();
    this.maxNode = 2 * catalog.positions + 1;
  }

  abstract statistics(): VolumeStatistics;

  /** In bytes. */
  protected abstract readonly allocationBlockSize: number;

  /** The object that a hard link stands for; `entry` itself where it is none or leads nowhere. */
  protected abstract resolve(entry: CatalogEntry): CatalogEntry;

  /** The filesystem's own bookkeeping. */
  protected abstract hides(entry: CatalogEntry): boolean;

  /** `entry` is a resolved file. */
  protected abstract openDataFork(entry: CatalogEntry): OpenFork;
  protected abstract openResourceFork(entry: CatalogEntry): OpenFork;
  protected abstract contentSize(entry: CatalogEntry): number;
  protected abstract linkCount(entry: CatalogEntry): number;
  /** Undefined where it is none, or none to show. */
  protected abstract shownResourceFork(entry: CatalogEntry): ForkDescription | undefined;
  protected abstract device(entry: CatalogEntry): number;
  /** Attributes beside Finder information and resource fork, by shown name. */
  protected abstract moreXattrs(entry: CatalogEntry): readonly string[];
  protected abstract readMoreXattr(entry: CatalogEntry, name: string): Uint8Array | undefined;

  /** Where the parent of a folder that is reached through links lies; 0: where its record says. */
  protected abstract linkedParent(entry: CatalogEntry): number;

  /** Throws where going into a folder through this record could lead back above it. */
  protected abstract checkNoLoop(link: CatalogEntry, folder: CatalogEntry): void;

  lookup(directory: NodeId, name: string): NodeId {
    if (name === ".") return directory;
    if (name === "..") return this.parent(directory);
    const folder = this.folder(directory);
    const position = this.catalog.lookup(folder, name);
    if (position >= 0) {
      const entry = this.entryAt(position);
      return this.hides(entry) ? 0 : this.nodeOf(entry, this.resolve(entry));
    }
    if (!name.endsWith(RESOURCE_FORK_SUFFIX)) return 0;
    const owner = this.lookup(directory, name.slice(0, -RESOURCE_FORK_SUFFIX.length));
    if (owner <= ROOT_NODE || isResourceFork(owner)) return 0;
    const object = this.object(owner);
    return object.isFolder || this.shownResourceFork(object) === undefined ? 0 : owner + 1;
  }

  attributes(node: NodeId, attributes: Attributes): void {
    const entry = this.object(node);
    const fork = isResourceFork(node);
    const known = entry.fileMode !== 0;
    attributes.ino = entry.cnid + (fork ? RESOURCE_FORK_INO : 0);
    attributes.mode = this.mode(entry, fork);
    attributes.uid = known ? entry.ownerId : this.context.owner.uid;
    attributes.gid = known ? entry.groupId : this.context.owner.gid;
    attributes.nlink = fork ? 1 : this.linkCount(entry);
    attributes.rdevMajor = attributes.rdevMinor = 0;
    attributes.atime = entry.accessed;
    attributes.mtime = entry.modified;
    attributes.ctime = entry.changed;
    attributes.atimeNs = attributes.mtimeNs = attributes.ctimeNs = 0;
    if (entry.isFolder) {
      attributes.size = entry.valence + 2;
      attributes.blocks = 0;
      return;
    }
    const type = attributes.mode & S_IFMT;
    if (type === S_IFCHR || type === S_IFBLK) {
      // dev_t of Mac OS X: 8 bits major, 24 bits minor.
      const device = this.device(entry);
      attributes.rdevMajor = device >>> 24;
      attributes.rdevMinor = device & 0xffffff;
    }
    const resource = entry.resourceFork();
    const blocks = fork
      ? resource.totalBlocks
      : resource.totalBlocks + entry.dataFork().totalBlocks;
    attributes.size = fork ? resource.logicalSize : this.contentSize(entry);
    attributes.blocks = blocks * (this.allocationBlockSize / 512);
  }

  readDirectory(directory: NodeId, cookie: number, emit: EmitEntry): void {
    this.catalog.list(this.folder(directory), cookie, (entry, name) => {
      if (this.hides(entry)) return true;
      const object = this.resolve(entry);
      const type = object.isFolder ? S_IFDIR : this.mode(object, false) & S_IFMT;
      return emit(name, this.nodeOf(entry, object), type, entry.position + 1);
    });
  }

  parent(directory: NodeId): NodeId {
    if (directory === ROOT_NODE) return ROOT_NODE;
    const entry = this.entry(directory);
    return this.folderNode(this.linkedParent(entry) || entry.parentId);
  }

  readLink(node: NodeId): string {
    const source = this.forks.get(node);
    // Longer than PATH_MAX leads nowhere.
    const bytes = new Uint8Array(Math.min(source.size, 4096));
    source.read(0, bytes, 0, bytes.length);
    // Some writers count the terminating NUL.
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  }

  read(node: NodeId, position: number, target: Uint8Array, offset: number, length: number): number {
    return this.forks.get(node).read(position, target, offset, length);
  }

  locate(node: NodeId, position: number, length: number, range: HostRange): boolean {
    return this.forks.get(node).locate?.(position, length, range) ?? false;
  }

  listXattrs(node: NodeId): readonly string[] {
    if (isResourceFork(node)) return [];
    const entry = this.object(node);
    const names: string[] = [];
    if (!isZero(entry.finderInfo)) names.push(FINDER_INFO_XATTR);
    if (!entry.isFolder && this.shownResourceFork(entry)) names.push(RESOURCE_FORK_XATTR);
    names.push(...this.moreXattrs(entry));
    return names;
  }

  readXattr(node: NodeId, name: string): Uint8Array | undefined {
    if (isResourceFork(node)) return undefined;
    const entry = this.object(node);
    if (name === FINDER_INFO_XATTR) return isZero(entry.finderInfo) ? undefined : entry.finderInfo;
    if (name !== RESOURCE_FORK_XATTR) return this.readMoreXattr(entry, name);
    if (entry.isFolder || this.shownResourceFork(entry) === undefined) return undefined;
    return readAttribute(this.forks.get(node + 1), this.format, name);
  }

  /** The CNID of a directory, whose children then lie below nothing that lies below them. */
  private folder(directory: NodeId): number {
    if (directory === ROOT_NODE) return ROOT_FOLDER_CNID;
    const checked = this.checkedFolders.get(directory);
    if (checked !== undefined) return checked;
    const entry = this.entry(directory);
    const folder = this.resolve(entry);
    if (!folder.isFolder) {
      throw new ImageError("corrupt", this.format, `CNID ${folder.cnid} is no folder`);
    }
    // A folder has one thread, so each has one parent: whoever follows only records that their
    // folder's thread agrees with can never come round in a circle.
    const parent = this.catalog.threadParent(folder.cnid);
    if (parent !== folder.parentId) {
      throw new ImageError(
        "corrupt",
        this.format,
        `folder ${folder.cnid} lies in folder ${folder.parentId}, its thread says ${parent}`,
      );
    }
    if (folder !== entry) this.checkNoLoop(entry, folder);
    if (this.checkedFolders.size >= MAX_CHECKED_FOLDERS) this.checkedFolders.clear();
    this.checkedFolders.set(directory, folder.cnid);
    return folder.cnid;
  }

  private folderNode(cnid: number): NodeId {
    if (cnid === ROOT_FOLDER_CNID) return ROOT_NODE;
    const position = this.catalog.byCnid(cnid);
    if (position < 0) {
      throw new ImageError("corrupt", this.format, `the catalog has no folder ${cnid}`);
    }
    return 2 + 2 * position;
  }

  private nodeOf(entry: CatalogEntry, object: CatalogEntry): NodeId {
    const { position } = object.isFolder ? entry : object;
    return position === this.rootPosition ? ROOT_NODE : 2 + 2 * position;
  }

  private entry(node: NodeId): CatalogEntry {
    return this.entryAt(node === ROOT_NODE ? this.rootPosition : Math.floor((node - 2) / 2));
  }

  private object(node: NodeId): CatalogEntry {
    return this.resolve(this.entry(node));
  }

  private entryAt(position: number): CatalogEntry {
    const entry = this.catalog.entryAt(position);
    if (entry === undefined) {
      throw new ImageError("corrupt", this.format, `no catalog record at position ${position}`);
    }
    return entry;
  }

  private mode(entry: CatalogEntry, fork: boolean): number {
    const permissions = entry.fileMode & 0o7777;
    const type = entry.fileMode & S_IFMT;
    if (entry.isFolder) return S_IFDIR | (type === S_IFDIR ? permissions : 0o755);
    if (fork) return S_IFREG | (type === 0 ? 0o644 : permissions & 0o666);
    switch (type) {
      case S_IFREG:
      case S_IFLNK:
      case S_IFIFO:
      case S_IFSOCK:
      case S_IFCHR:
      case S_IFBLK:
        return type | permissions;
      default:
        return S_IFREG | 0o644;
    }
  }

  private openFork(node: NodeId): OpenFork {
    const entry = this.object(node);
    if (entry.isFolder) {
      throw new ImageError("corrupt", this.format, `CNID ${entry.cnid} is a folder, not a file`);
    }
    return isResourceFork(node) ? this.openResourceFork(entry) : this.openDataFork(entry);
  }
}

function isResourceFork(node: NodeId): boolean {
  return node % 2 === 1 && node !== ROOT_NODE;
}
