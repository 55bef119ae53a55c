/**
 * The audio tracks of a disc as WAV files in one folder. The header of 44 bytes is made, what
 * follows are the samples as the disc has them. No times: a CD stores none.
 *
 * Node ids: 1 is the folder, 1 + n the file of track n.
 */
import { ImageError } from "../../errors.js";
import type { DiscLayout, DiscTrack } from "../../format.js";
import type { ByteSource, HostRange } from "../../source/byte-source.js";
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
import { trackName } from "./track-name.js";
import { WAV_HEADER_BYTES, wavHeader } from "./wav-header.js";

const SECTOR_BYTES = 2352;
const NO_XATTRS: readonly string[] = [];

interface WavFile {
  node: NodeId;
  name: string;
  header: Uint8Array;
  samples: ByteSource;
  size: number;
}

export class AudioVolume implements Volume {
  readonly description: VolumeDescription;
  readonly maxNode: number;
  private readonly files: readonly WavFile[];
  private readonly byNode: readonly (WavFile | undefined)[];
  private readonly byName: ReadonlyMap<string, WavFile>;

  constructor(
    disc: DiscLayout,
    private readonly owner: { uid: number; gid: number },
  ) {
    const tracks = disc.sessions
      .flatMap((session) => session.tracks)
      .filter((track) => track.kind === "audio");
    this.files = tracks.map((track) => wavFile(track, disc));
    const byNode: (WavFile | undefined)[] = [];
    for (const file of this.files) byNode[file.node] = file;
    this.byNode = byNode;
    this.byName = new Map(this.files.map((file) => [file.name, file]));
    this.maxNode = Math.max(ROOT_NODE, byNode.length - 1);
    this.description = describe(disc, tracks);
  }

  lookup(directory: NodeId, name: string): NodeId {
    if (directory !== ROOT_NODE) throw this.noDirectory(directory);
    if (name === "." || name === "..") return ROOT_NODE;
    return this.byName.get(name)?.node ?? 0;
  }

  attributes(node: NodeId, attributes: Attributes): void {
    const file = node === ROOT_NODE ? undefined : this.file(node);
    attributes.ino = node;
    attributes.mode = file === undefined ? S_IFDIR | 0o555 : S_IFREG | 0o444;
    attributes.nlink = file === undefined ? 2 : 1;
    attributes.uid = this.owner.uid;
    attributes.gid = this.owner.gid;
    attributes.rdevMajor = attributes.rdevMinor = 0;
    attributes.size = file === undefined ? 0 : file.size;
    attributes.blocks = file === undefined ? 0 : Math.ceil(file.samples.size / 512);
    attributes.atime = attributes.mtime = attributes.ctime = 0;
    attributes.atimeNs = attributes.mtimeNs = attributes.ctimeNs = 0;
  }

  readDirectory(directory: NodeId, cookie: number, emit: EmitEntry): void {
    if (directory !== ROOT_NODE) throw this.noDirectory(directory);
    for (let index = cookie; index < this.files.length; index++) {
      const { name, node } = this.files[index];
      if (!emit(name, node, S_IFREG, index + 1)) return;
    }
  }

  parent(): NodeId {
    return ROOT_NODE;
  }

  readLink(node: NodeId): string {
    throw new ImageError("corrupt", "audio", `node ${node} is no symbolic link`);
  }

  read(node: NodeId, position: number, target: Uint8Array, offset: number, length: number): number {
    const file = this.file(node);
    if (position >= file.size) return 0;
    let fromHeader = 0;
    if (position < WAV_HEADER_BYTES) {
      fromHeader = Math.min(length, WAV_HEADER_BYTES - position);
      for (let i = 0; i < fromHeader; i++) target[offset + i] = file.header[position + i];
      if (fromHeader === length) return length;
    }
    const sample = position + fromHeader - WAV_HEADER_BYTES;
    return fromHeader + file.samples.read(sample, target, offset + fromHeader, length - fromHeader);
  }

  locate(node: NodeId, position: number, length: number, range: HostRange): boolean {
    const { samples } = this.file(node);
    if (position < WAV_HEADER_BYTES || samples.locate === undefined) return false;
    return samples.locate(position - WAV_HEADER_BYTES, length, range);
  }

  listXattrs(): readonly string[] {
    return NO_XATTRS;
  }

  readXattr(): undefined {
    return undefined;
  }

  statistics(): VolumeStatistics {
    const bytes = this.files.reduce((sum, file) => sum + file.samples.size, 0);
    return {
      blockSize: SECTOR_BYTES,
      blocks: Math.ceil(bytes / SECTOR_BYTES),
      freeBlocks: 0,
      files: this.files.length,
      maxNameBytes: 255,
    };
  }

  private file(node: NodeId): WavFile {
    const file = this.byNode[node];
    if (file === undefined) throw new ImageError("corrupt", "audio", `node ${node} is no file`);
    return file;
  }

  private noDirectory(node: NodeId): ImageError {
    return new ImageError("corrupt", "audio", `node ${node} is no directory`);
  }
}

function wavFile(track: DiscTrack, disc: DiscLayout): WavFile {
  return {
    node: ROOT_NODE + track.number,
    name: trackName(track, disc),
    header: wavHeader(track.source.size),
    samples: track.source,
    size: WAV_HEADER_BYTES + track.source.size,
  };
}

function describe(disc: DiscLayout, tracks: readonly DiscTrack[]): VolumeDescription {
  const texts = [disc.performer, disc.title].filter((text) => text !== undefined && text !== "");
  const features = [`${tracks.length} audio track${tracks.length === 1 ? "" : "s"}`];
  if (disc.title !== undefined || tracks.some((track) => track.title !== undefined)) {
    features.push("CD-Text");
  }
  return {
    format: "audio",
    title: "CD audio",
    label: texts.join(" - "),
    blockSize: SECTOR_BYTES,
    features,
    warnings: [],
  };
}
