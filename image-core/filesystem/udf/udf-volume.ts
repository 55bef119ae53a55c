/** A UDF volume as the layer above sees it. */
import { ImageError } from "../../errors.js";
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
  S_IFREG,
  S_IFSOCK,
  type Volume,
  type VolumeDescription,
  type VolumeStatistics,
} from "../volume.js";
import type { Directory } from "./directory.js";
import { DirectoryTree } from "./directory-tree.js";
import type { DirectoryWalk } from "./directory-walk.js";
import { deviceSpecification } from "./extended-attribute.js";
import { FileType } from "./file-entry.js";
import type { LogicalVolume } from "./logical-volume.js";
import { Objects } from "./objects.js";
import { targetOf } from "./path-component.js";
import { Xattrs } from "./xattrs.js";

/** Owners that were not recorded. */
const NO_OWNER = 0xffffffff;
/** A path of Linux has 4096 bytes; a component's record adds 4 and at most doubles its name. */
const MAX_LINK_BYTES = 64 * 1024;
const MAX_WARNINGS = 50;

export class UdfVolume implements Volume {
  readonly maxNode: NodeId;
  private readonly objects: Objects;
  private readonly tree: DirectoryTree;
  private readonly xattrs: Xattrs;
  /** It keeps its walk. */
  private listedLast: Directory | undefined;

  constructor(
    private readonly volume: LogicalVolume,
    readonly description: VolumeDescription,
    private readonly owner: { uid: number; gid: number },
  ) {
    const warn = (warning: string) => {
      const { warnings } = description;
      if (warnings.length < MAX_WARNINGS && !warnings.includes(warning)) warnings.push(warning);
    };
    this.objects = new Objects(volume.space, volume.root, warn);
    this.tree = new DirectoryTree(this.objects);
    this.xattrs = new Xattrs(this.objects);
    this.maxNode = this.objects.maxNode;
    if (this.objects.entry(ROOT_NODE).fileType !== FileType.directory) {
      throw new ImageError("corrupt", "udf", `root: block ${volume.root.block} is no directory`);
    }
  }

  lookup(directory: NodeId, name: string): NodeId {
    if (name === ".") return directory;
    if (name === "..") return this.parent(directory);
    const entry = this.objects.directory(directory).find(name);
    if (entry === undefined) return 0;
    const node = this.objects.nodeOf(entry.icb);
    const isDirectory = this.type(node, entry.isDirectory) === S_IFDIR;
    return isDirectory && !this.tree.belongs(node, directory) ? 0 : node;
  }

  attributes(node: NodeId, attributes: Attributes): void {
    const status = this.objects.status(node);
    const type = typeOf(status.fileType);
    attributes.ino = node;
    attributes.mode = type | (type === S_IFLNK ? 0o777 : status.mode);
    // A directory's own `.` is not recorded, and so not counted, but programs expect it to be.
    attributes.nlink = Math.max(1, status.fileLinkCount) + (type === S_IFDIR ? 1 : 0);
    attributes.uid = status.uid === NO_OWNER ? this.owner.uid : status.uid;
    attributes.gid = status.gid === NO_OWNER ? this.owner.gid : status.gid;
    attributes.rdevMajor = 0;
    attributes.rdevMinor = 0;
    if (type === S_IFBLK || type === S_IFCHR) {
      const device = deviceSpecification(this.objects.entry(node).extendedAttributes);
      attributes.rdevMajor = device?.major ?? 0;
      attributes.rdevMinor = device?.minor ?? 0;
    }
    attributes.size =
      type === S_IFLNK ? Buffer.byteLength(this.readLink(node)) : status.informationLength;
    attributes.blocks = status.logicalBlocksRecorded * (this.volume.space.blockSize / 512);
    attributes.atime = status.accessSeconds;
    attributes.atimeNs = status.accessNanoseconds;
    attributes.mtime = status.modificationSeconds;
    attributes.mtimeNs = status.modificationNanoseconds;
    attributes.ctime = status.attributeSeconds;
    attributes.ctimeNs = status.attributeNanoseconds;
  }

  /** Cookies are where the next entry lies in the directory. */
  readDirectory(directory: NodeId, cookie: number, emit: EmitEntry): void {
    const { objects } = this;
    const listed = objects.directory(directory);
    const entry = listed.walk(cookie);
    while (entry.step()) {
      const node = objects.nodeOf(entry.icb);
      const type = this.type(node, entry.isDirectory);
      if (type === S_IFDIR && !this.tree.belongs(node, directory)) continue;
      if (!emit(entry.name, node, type, entry.next)) {
        this.leave(listed, entry);
        return;
      }
    }
  }

  parent(directory: NodeId): NodeId {
    // What nothing leads to was reached from the root before the image was seen to be broken.
    return this.tree.parent(directory) || ROOT_NODE;
  }

  readLink(node: NodeId): string {
    const { size, extents } = this.objects.file(node);
    if (size > MAX_LINK_BYTES) {
      throw new ImageError("limit", "udf", `a symbolic link of ${size} bytes`);
    }
    const bytes = new Uint8Array(size);
    extents.read(this.volume.space.metadata, size, 0, bytes, 0, size);
    return targetOf(bytes);
  }

  read(node: NodeId, position: number, target: Uint8Array, offset: number, length: number): number {
    const { size, extents } = this.objects.file(node);
    return extents.read(this.volume.space.source, size, position, target, offset, length);
  }

  locate(node: NodeId, position: number, length: number, range: HostRange): boolean {
    const { size, extents } = this.objects.file(node);
    return extents.locate(this.volume.space.source, size, position, length, range);
  }

  listXattrs(node: NodeId): readonly string[] {
    return this.xattrs.list(node);
  }

  readXattr(node: NodeId, name: string): Uint8Array | undefined {
    return this.xattrs.read(node, name);
  }

  statistics(): VolumeStatistics {
    const { integrity, space } = this.volume;
    let blocks = 0;
    let freeBlocks = 0;
    for (const [reference, partition] of space.partitions.entries()) {
      // Those made of others' blocks would count these twice.
      if (partition.kind !== "physical" && partition.kind !== "sparable") continue;
      blocks += partition.blocks;
      const free = integrity?.freeSpaceTable[reference] ?? 0;
      if (free !== 0xffffffff) freeBlocks += Math.min(free, partition.blocks);
    }
    return {
      blockSize: space.blockSize,
      blocks,
      freeBlocks,
      files: (integrity?.numberOfFiles ?? 0) + (integrity?.numberOfDirectories ?? 0),
      maxNameBytes: 254,
    };
  }

  /** The next part of the listing goes on where this one ended, unless another directory comes first. */
  private leave(listed: Directory, walk: DirectoryWalk): void {
    if (this.listedLast !== listed) this.listedLast?.forgetWalk();
    this.listedLast = listed;
    listed.leave(walk);
  }

  /** The S_IF bits; what the directory says where the file's own entry is unreadable. */
  private type(node: NodeId, isDirectory: boolean): number {
    try {
      return typeOf(this.objects.status(node).fileType);
    } catch (error) {
      if (!(error instanceof ImageError) || error.kind === "host-io") throw error;
      return isDirectory ? S_IFDIR : S_IFREG;
    }
  }
}

/** Kinds that UDF uses for itself read as regular files. */
function typeOf(fileType: number): number {
  switch (fileType) {
    case FileType.directory:
      return S_IFDIR;
    case FileType.blockDevice:
      return S_IFBLK;
    case FileType.characterDevice:
      return S_IFCHR;
    case FileType.fifo:
      return S_IFIFO;
    case FileType.socket:
      return S_IFSOCK;
    case FileType.symlink:
      return S_IFLNK;
    default:
      return S_IFREG;
  }
}
