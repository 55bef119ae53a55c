/**
 * An MFS volume: one directory of files with two forks each (Inside Macintosh II-119 to II-123).
 *
 * A file's node is the byte of its entry within the directory plus 2, its resource fork's is the
 * next one. Entries begin at even offsets, so 1 remains the root's. File numbers would not do: a
 * damaged volume may give one to several files.
 */
import { ImageError } from "../../errors.js";
import type { OpenContext } from "../../format.js";
import type { ByteSource, HostRange } from "../../source/byte-source.js";
import { type AllocationBlocks, ExtentMap } from "../apple/extents.js";
import {
  FINDER_INFO_XATTR,
  isZero,
  RESOURCE_FORK_SUFFIX,
  RESOURCE_FORK_XATTR,
} from "../apple/finder-info.js";
import { Fork } from "../apple/fork.js";
import { unixFromLocalMac } from "../apple/mac-time.js";
import { type OpenFork, OpenForks } from "../apple/open-forks.js";
import { readAttribute } from "../apple/read-attribute.js";
import {
  type Attributes,
  type EmitEntry,
  type NodeId,
  ROOT_NODE,
  S_IFDIR,
  S_IFREG,
  type Volume,
  type VolumeDescription,
  type VolumeStatistics,
} from "../volume.js";
import { type BlockMap, FIRST_ALLOCATION_BLOCK } from "./block-map.js";
import type { Directory } from "./directory.js";
import type { FileDirectoryEntry } from "./directory-entry.js";
import { BLOCK_BYTES, type VolumeInformation } from "./volume-information.js";

const FIRST_FILE_NODE = 2;
/** FInfo and FXInfo; MFS stores the first half. */
const FINDER_INFO_BYTES = 32;
const STAT_BLOCK_BYTES = 512;

/** What makes up an open volume. */
export interface MfsParts {
  source: ByteSource;
  information: VolumeInformation;
  blockMap: BlockMap;
  directory: Directory;
}

export class MfsVolume implements Volume {
  readonly maxNode: number;
  private readonly blocks: AllocationBlocks;
  private readonly localOffset: (seconds: number) => number;
  private readonly forks = new OpenForks((node) => this.openFork(node));

  constructor(
    private readonly parts: MfsParts,
    readonly description: VolumeDescription,
    private readonly context: OpenContext,
  ) {
    const { drAlBlkSiz, drAlBlSt, drBlLen } = parts.information;
    this.localOffset = (seconds) => context.localOffset(seconds);
    this.maxNode = FIRST_FILE_NODE + drBlLen * BLOCK_BYTES;
    this.blocks = {
      // Of a block 0 that does not exist; it may lie before the volume.
      start: drAlBlSt * BLOCK_BYTES - FIRST_ALLOCATION_BLOCK * drAlBlkSiz,
      size: drAlBlkSiz,
      count: FIRST_ALLOCATION_BLOCK + parts.blockMap.allocationBlocks,
    };
  }

  lookup(directory: NodeId, name: string): NodeId {
    this.checkRoot(directory);
    if (name === "." || name === "..") return ROOT_NODE;
    const file = this.parts.directory.find(name);
    if (file !== undefined) return FIRST_FILE_NODE + file.entry.position;
    if (!name.endsWith(RESOURCE_FORK_SUFFIX)) return 0;
    const owner = this.parts.directory.find(name.slice(0, -RESOURCE_FORK_SUFFIX.length));
    if (owner === undefined || owner.entry.resourceFork.lgLen === 0) return 0;
    return FIRST_FILE_NODE + owner.entry.position + 1;
  }

  attributes(node: NodeId, attributes: Attributes): void {
    attributes.ino = node;
    attributes.nlink = 1;
    attributes.uid = this.context.owner.uid;
    attributes.gid = this.context.owner.gid;
    attributes.rdevMajor = attributes.rdevMinor = 0;
    if (node === ROOT_NODE) {
      const { drCrDate, drLsBkUp } = this.parts.information;
      attributes.mode = S_IFDIR | 0o755;
      attributes.size = this.parts.directory.files.length + 2;
      attributes.blocks = 0;
      this.setTimes(attributes, drCrDate, drLsBkUp);
      return;
    }
    const { locked, dataFork, resourceFork, flCrDat, flMdDat } = this.entry(node);
    const isResource = isResourceFork(node);
    attributes.mode = S_IFREG | (locked ? 0o444 : 0o644);
    attributes.size = (isResource ? resourceFork : dataFork).lgLen;
    const held = isResource ? resourceFork.pyLen : resourceFork.pyLen + dataFork.pyLen;
    attributes.blocks = Math.ceil(held / STAT_BLOCK_BYTES);
    this.setTimes(attributes, flCrDat, flMdDat);
  }

  readDirectory(directory: NodeId, cookie: number, emit: EmitEntry): void {
    this.checkRoot(directory);
    const { files } = this.parts.directory;
    for (let index = cookie; index < files.length; index++) {
      const { name, entry } = files[index];
      if (!emit(name, FIRST_FILE_NODE + entry.position, S_IFREG, index + 1)) return;
    }
  }

  parent(directory: NodeId): NodeId {
    this.checkRoot(directory);
    return ROOT_NODE;
  }

  readLink(node: NodeId): string {
    throw new ImageError("corrupt", "mfs", `node ${node} is no symbolic link: MFS has none`);
  }

  read(node: NodeId, position: number, target: Uint8Array, offset: number, length: number): number {
    return this.forks.get(node).read(position, target, offset, length);
  }

  locate(node: NodeId, position: number, length: number, range: HostRange): boolean {
    return this.forks.get(node).locate?.(position, length, range) ?? false;
  }

  listXattrs(node: NodeId): readonly string[] {
    if (!hasXattrs(node)) return [];
    const { flUsrWds, resourceFork } = this.entry(node);
    const names: string[] = [];
    if (!isZero(flUsrWds)) names.push(FINDER_INFO_XATTR);
    if (resourceFork.lgLen > 0) names.push(RESOURCE_FORK_XATTR);
    return names;
  }

  readXattr(node: NodeId, name: string): Uint8Array | undefined {
    if (!hasXattrs(node)) return undefined;
    const { flUsrWds, resourceFork } = this.entry(node);
    if (name === FINDER_INFO_XATTR && !isZero(flUsrWds)) {
      const info = new Uint8Array(FINDER_INFO_BYTES);
      info.set(flUsrWds);
      return info;
    }
    if (name !== RESOURCE_FORK_XATTR || resourceFork.lgLen === 0) return undefined;
    return readAttribute(this.forks.get(node + 1), "mfs", name);
  }

  statistics(): VolumeStatistics {
    const { drAlBlkSiz, drFreeBks, drNmAlBlks } = this.parts.information;
    return {
      blockSize: drAlBlkSiz,
      blocks: drNmAlBlks,
      freeBlocks: Math.min(drFreeBks, drNmAlBlks),
      files: this.parts.directory.files.length,
      // 255 characters of up to three bytes.
      maxNameBytes: 765,
    };
  }

  private setTimes(attributes: Attributes, created: number, modified: number): void {
    const time = unixFromLocalMac(modified || created, 0, this.localOffset);
    attributes.atime = attributes.mtime = attributes.ctime = time;
    attributes.atimeNs = attributes.mtimeNs = attributes.ctimeNs = 0;
  }

  private entry(node: NodeId): FileDirectoryEntry {
    const position = node - FIRST_FILE_NODE - (isResourceFork(node) ? 1 : 0);
    const file = this.parts.directory.at(position);
    if (file === undefined) {
      throw new ImageError("corrupt", "mfs", `no entry at byte ${position} of the file directory`);
    }
    return file.entry;
  }

  private checkRoot(directory: NodeId): void {
    if (directory === ROOT_NODE) return;
    throw new ImageError("corrupt", "mfs", `node ${directory} is no directory: MFS has only one`);
  }

  private openFork(node: NodeId): OpenFork {
    if (node === ROOT_NODE) throw new ImageError("corrupt", "mfs", "the root is no file");
    const { blocks } = this;
    const entry = this.entry(node);
    const [kind, { stBlk, lgLen }] = isResourceFork(node)
      ? ["resource", entry.resourceFork]
      : ["data", entry.dataFork];
    const neededBlocks = Math.ceil(lgLen / blocks.size);
    const { extents, broken } = this.parts.blockMap.chain(stBlk, neededBlocks);
    const map = ExtentMap.gather(extents, undefined, neededBlocks, blocks, "mfs");
    const what = `${kind} fork of file ${entry.flFlNum}`;
    return {
      source: new Fork(this.parts.source, blocks, map, lgLen, "mfs", what, broken),
      weight: map.fileBlocks.length,
    };
  }
}

/** The root has none, and a resource fork is itself one. */
function hasXattrs(node: NodeId): boolean {
  return node !== ROOT_NODE && !isResourceFork(node);
}

function isResourceFork(node: NodeId): boolean {
  return node % 2 === 1 && node !== ROOT_NODE;
}
