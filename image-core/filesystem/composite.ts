/**
 * Several volumes as the folders of one: partitions, views, sessions and tracks alike.
 *
 * Node ids interleave: member i's node n becomes `1 + i + count * n`, so that ids stay
 * deterministic and the members' own id spaces stay whole.
 */
import { ImageError } from "../errors.js";
import type { HostRange } from "../source/byte-source.js";
import {
  type Attributes,
  type EmitEntry,
  type NodeId,
  ROOT_NODE,
  S_IFDIR,
  type Volume,
  type VolumeDescription,
  type VolumeStatistics,
} from "./volume.js";

export interface CompositeMember {
  /** Folder name: unique, without `/` and NUL, not `.` or `..`. */
  name: string;
  volume: Volume;
}

export class CompositeVolume implements Volume {
  readonly maxNode: number;
  private readonly count: number;

  constructor(
    readonly description: VolumeDescription,
    private readonly members: readonly CompositeMember[],
    private readonly owner: { uid: number; gid: number },
  ) {
    this.count = members.length;
    const largest = members.reduce((most, member) => Math.max(most, member.volume.maxNode), 1);
    this.maxNode = this.count + this.count * largest;
    if (!Number.isSafeInteger(this.maxNode)) {
      throw new ImageError(
        "limit",
        "composite",
        `${this.count} volumes with node ids up to ${largest} do not fit 53 bits; choose one with partition= or view=`,
      );
    }
  }

  lookup(directory: NodeId, name: string): NodeId {
    if (directory === ROOT_NODE) {
      if (name === "." || name === "..") return ROOT_NODE;
      const index = this.members.findIndex((member) => member.name === name);
      return index < 0 ? 0 : this.outer(index, ROOT_NODE);
    }
    const index = this.index(directory);
    const inner = this.inner(directory);
    if (name === ".." && inner === ROOT_NODE) return ROOT_NODE;
    const node = this.members[index].volume.lookup(inner, name);
    return node === 0 ? 0 : this.outer(index, node);
  }

  attributes(node: NodeId, attributes: Attributes): void {
    if (node !== ROOT_NODE) {
      const index = this.index(node);
      this.members[index].volume.attributes(this.inner(node), attributes);
      // Inode numbers of different members would collide otherwise: same scheme as nodes.
      attributes.ino = this.outer(index, attributes.ino);
      return;
    }
    const created = this.description.created ?? 0;
    attributes.ino = ROOT_NODE;
    attributes.mode = S_IFDIR | 0o555;
    attributes.nlink = 2 + this.count;
    attributes.uid = this.owner.uid;
    attributes.gid = this.owner.gid;
    attributes.rdevMajor = attributes.rdevMinor = 0;
    attributes.size = attributes.blocks = 0;
    attributes.atime = attributes.mtime = attributes.ctime = created;
    attributes.atimeNs = attributes.mtimeNs = attributes.ctimeNs = 0;
  }

  readDirectory(directory: NodeId, cookie: number, emit: EmitEntry): void {
    if (directory === ROOT_NODE) {
      for (let index = cookie; index < this.count; index++) {
        const node = this.outer(index, ROOT_NODE);
        if (!emit(this.members[index].name, node, S_IFDIR, index + 1)) return;
      }
      return;
    }
    const index = this.index(directory);
    this.members[index].volume.readDirectory(
      this.inner(directory),
      cookie,
      (name, node, type, next) => emit(name, this.outer(index, node), type, next),
    );
  }

  parent(directory: NodeId): NodeId {
    if (directory === ROOT_NODE) return ROOT_NODE;
    const index = this.index(directory);
    const inner = this.inner(directory);
    if (inner === ROOT_NODE) return ROOT_NODE;
    return this.outer(index, this.members[index].volume.parent(inner));
  }

  readLink(node: NodeId): string {
    return this.volume(node).readLink(this.inner(node));
  }

  read(node: NodeId, position: number, target: Uint8Array, offset: number, length: number): number {
    return this.volume(node).read(this.inner(node), position, target, offset, length);
  }

  locate(node: NodeId, position: number, length: number, range: HostRange): boolean {
    return this.volume(node).locate?.(this.inner(node), position, length, range) ?? false;
  }

  get hasXattrs(): boolean {
    return this.members.some(({ volume }) => volume.hasXattrs !== false);
  }

  listXattrs(node: NodeId): readonly string[] {
    return node === ROOT_NODE ? [] : this.volume(node).listXattrs(this.inner(node));
  }

  readXattr(node: NodeId, name: string): Uint8Array | undefined {
    return node === ROOT_NODE ? undefined : this.volume(node).readXattr(this.inner(node), name);
  }

  statistics(): VolumeStatistics {
    const total: VolumeStatistics = {
      blockSize: 512,
      blocks: 0,
      freeBlocks: 0,
      files: 0,
      maxNameBytes: 0,
    };
    for (const { volume } of this.members) {
      const part = volume.statistics();
      total.blocks += Math.ceil((part.blocks * part.blockSize) / total.blockSize);
      total.freeBlocks += Math.floor((part.freeBlocks * part.blockSize) / total.blockSize);
      total.files += part.files;
      total.maxNameBytes = Math.max(total.maxNameBytes, part.maxNameBytes);
    }
    return total;
  }

  private outer(index: number, node: NodeId): NodeId {
    return 1 + index + this.count * node;
  }

  private index(node: NodeId): number {
    return (node - 1) % this.count;
  }

  private inner(node: NodeId): NodeId {
    return Math.floor((node - 1) / this.count);
  }

  private volume(node: NodeId): Volume {
    return this.members[this.index(node)].volume;
  }
}
