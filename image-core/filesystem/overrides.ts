/** A volume under another owner or other permission bits: what `uid=`, `mode=` and the like ask for. */
import type { HostRange } from "../source/byte-source.js";
import {
  type Attributes,
  type EmitEntry,
  type NodeId,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  type Volume,
  type VolumeDescription,
  type VolumeStatistics,
} from "./volume.js";

export interface AttributeOverrides {
  uid?: number;
  gid?: number;
  /** Permission bits of everything but directories and symlinks. */
  mode?: number;
  /** Permission bits of directories. */
  dmode?: number;
}

/** The volume itself where nothing is to be overridden. */
export function withOverrides(volume: Volume, overrides: AttributeOverrides): Volume {
  const any = Object.values(overrides).some((value) => value !== undefined);
  return any ? new OverriddenVolume(volume, overrides) : volume;
}

class OverriddenVolume implements Volume {
  readonly description: VolumeDescription;
  readonly maxNode: number;

  constructor(
    private readonly volume: Volume,
    private readonly overrides: AttributeOverrides,
  ) {
    this.description = volume.description;
    this.maxNode = volume.maxNode;
  }

  get hasXattrs(): boolean | undefined {
    return this.volume.hasXattrs;
  }

  attributes(node: NodeId, attributes: Attributes): void {
    this.volume.attributes(node, attributes);
    const { uid, gid, mode, dmode } = this.overrides;
    if (uid !== undefined) attributes.uid = uid;
    if (gid !== undefined) attributes.gid = gid;
    const type = attributes.mode & S_IFMT;
    const bits = type === S_IFDIR ? dmode : type === S_IFLNK ? undefined : mode;
    if (bits !== undefined) attributes.mode = type | bits;
  }

  lookup(directory: NodeId, name: string): NodeId {
    return this.volume.lookup(directory, name);
  }

  readDirectory(directory: NodeId, cookie: number, emit: EmitEntry): void {
    this.volume.readDirectory(directory, cookie, emit);
  }

  parent(directory: NodeId): NodeId {
    return this.volume.parent(directory);
  }

  readLink(node: NodeId): string {
    return this.volume.readLink(node);
  }

  read(node: NodeId, position: number, target: Uint8Array, offset: number, length: number): number {
    return this.volume.read(node, position, target, offset, length);
  }

  locate(node: NodeId, position: number, length: number, range: HostRange): boolean {
    return this.volume.locate?.(node, position, length, range) ?? false;
  }

  listXattrs(node: NodeId): readonly string[] {
    return this.volume.listXattrs(node);
  }

  readXattr(node: NodeId, name: string): Uint8Array | undefined {
    return this.volume.readXattr(node, name);
  }

  statistics(): VolumeStatistics {
    return this.volume.statistics();
  }
}
