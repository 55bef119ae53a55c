/** FAT12, FAT16 and FAT32 as a Volume. Modes and link counts are those that Linux's vfat shows to who mounts. */
import type { OpenContext } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { type Charset, charsetById } from "../../text/charset.js";
import {
  type Attributes,
  type NodeId,
  ROOT_NODE,
  S_IFDIR,
  S_IFREG,
  type VolumeDescription,
} from "../volume.js";
import { surveyCharset } from "./charset-survey.js";
import { ClusterChain } from "./cluster-chain.js";
import { ClusterVolume, type FileContents } from "./cluster-volume.js";
import type { DirectoryEntry } from "./directory.js";
import {
  ATTR_DIRECTORY,
  ATTR_READ_ONLY,
  ATTR_VOLUME_ID,
  DELETED,
  END_OF_DIRECTORY,
  fileSize,
  firstCluster,
  u16,
} from "./directory-record.js";
import { scanDirectory } from "./directory-scan.js";
import { DirectoryStream } from "./directory-stream.js";
import { FileAllocationTable } from "./file-allocation-table.js";
import type { FatGeometry } from "./geometry.js";
import { ATTR_LONG_NAME } from "./long-name.js";
import { shortName, volumeLabel } from "./short-name.js";
import { localSeconds } from "./timestamp.js";

/** The specification ends directories at 2 MiB; what writers made longer is read up to here. */
const MAX_DIRECTORY_BYTES = 16 << 20;

interface VolumeLabel {
  label: string;
  /** Seconds since 1970; the label's own time is when the volume was made. */
  created: number;
}

export class FatVolume extends ClusterVolume {
  /** Of short names and labels. */
  readonly charset: Charset;
  private readonly table: FileAllocationTable;
  private rootTime = 0;

  constructor(
    source: ByteSource,
    description: VolumeDescription,
    private readonly geometry: FatGeometry,
    fatIndex: number,
    private readonly context: OpenContext,
  ) {
    super(
      source,
      description,
      geometry.clusterSize,
      geometry.clusterCount,
      geometry.dataStart,
      geometry.rootCluster,
    );
    this.table = new FileAllocationTable(this.cache, geometry, fatIndex);
    const { charset } = context.options;
    this.charset =
      charset !== undefined
        ? charsetById(charset)
        : surveyCharset(
            this.stream(ROOT_NODE),
            (cluster) => this.chainStream(cluster),
            geometry.fatBits,
          );
  }

  /** The root directory's label entry, if it has one. Its time becomes the root's, which stores none. */
  findLabel(): VolumeLabel | undefined {
    const stream = this.stream(ROOT_NODE);
    for (let slot = 0; stream.seek(slot); slot++) {
      const { bytes, offset } = stream;
      if (bytes[offset] === END_OF_DIRECTORY) break;
      const attr = bytes[offset + 11];
      if (bytes[offset] === DELETED || !isLabel(attr)) continue;
      this.rootTime = this.time(u16(bytes, offset + 24), u16(bytes, offset + 22));
      return { label: volumeLabel(bytes, offset, this.charset), created: this.rootTime };
    }
    return undefined;
  }

  attributes(node: NodeId, attributes: Attributes): void {
    attributes.ino = node;
    attributes.uid = this.context.owner.uid;
    attributes.gid = this.context.owner.gid;
    attributes.rdevMajor = attributes.rdevMinor = 0;
    attributes.atimeNs = attributes.mtimeNs = attributes.ctimeNs = 0;
    if (node === ROOT_NODE) {
      attributes.atime = attributes.mtime = attributes.ctime = this.rootTime;
      this.directoryAttributes(node, attributes);
      return;
    }
    const position = this.position(node);
    const bytes = this.cache.block(Math.floor(position / 4096));
    const offset = position % 4096;
    const attr = bytes[offset + 11];
    const size = fileSize(bytes, offset);
    this.times(bytes, offset, attributes);
    if ((attr & ATTR_DIRECTORY) !== 0) {
      this.directoryAttributes(node, attributes);
      return;
    }
    attributes.mode = S_IFREG | ((attr & ATTR_READ_ONLY) === 0 ? 0o755 : 0o555);
    attributes.nlink = 1;
    attributes.size = size;
    attributes.blocks = this.blocks(size);
  }

  protected stream(node: NodeId): DirectoryStream {
    const { geometry } = this;
    if (node === ROOT_NODE && geometry.rootSize > 0) {
      const stream = new DirectoryStream(this.cache);
      stream.append(geometry.rootStart, geometry.rootSize);
      return stream;
    }
    const first = node === ROOT_NODE ? geometry.rootCluster : this.firstClusterOf(node);
    // An empty directory may have no cluster at all.
    if (first === 0 && node !== ROOT_NODE) return new DirectoryStream(this.cache);
    return this.chainStream(first);
  }

  private chainStream(first: number): DirectoryStream {
    const { geometry, table } = this;
    const stream = new DirectoryStream(this.cache);
    const limit = Math.ceil(MAX_DIRECTORY_BYTES / geometry.clusterSize);
    stream.appendChain(
      table,
      first,
      limit,
      (cluster) => this.positionOf(cluster),
      geometry.clusterSize,
    );
    return stream;
  }

  protected contents(node: NodeId): FileContents {
    const position = this.position(node);
    const size = fileSize(this.cache.block(Math.floor(position / 4096)), position % 4096);
    const first = this.firstClusterOf(node);
    const chain = new ClusterChain(this.table, first, this.geometry.clusterCount);
    return { chain, size, validSize: size };
  }

  protected scan(
    stream: DirectoryStream,
    from: number,
    visit: (entry: DirectoryEntry) => boolean,
  ): void {
    scanDirectory(stream, from, (long, slot, nextSlot) => {
      const { bytes, offset } = stream;
      const alias = shortName(bytes, offset, this.charset);
      return visit({
        name: long ?? alias,
        alias: long === undefined ? "" : alias,
        node: this.nodeAt(stream.position),
        directory: (bytes[offset + 11] & ATTR_DIRECTORY) !== 0,
        firstCluster: firstCluster(bytes, offset, this.geometry.fatBits),
        slot,
        nextSlot,
      });
    });
  }

  protected fold(name: string): string {
    return name.toUpperCase();
  }

  protected countFreeClusters(): number {
    return this.table.countFree(this.source);
  }

  private firstClusterOf(node: NodeId): number {
    const position = this.position(node);
    const bytes = this.cache.block(Math.floor(position / 4096));
    return firstCluster(bytes, position % 4096, this.geometry.fatBits);
  }

  private directoryAttributes(node: NodeId, attributes: Attributes): void {
    // The read-only attribute means nothing on directories (Windows marks customised folders by it).
    const directory = this.directory(node);
    attributes.mode = S_IFDIR | 0o755;
    attributes.nlink = 2 + directory.subdirectories;
    attributes.size = directory.size;
    attributes.blocks = this.blocks(directory.size);
  }

  /** The creation time, where there is one, stands as ctime: FAT records no other change. */
  private times(bytes: Uint8Array, offset: number, attributes: Attributes): void {
    const created = u16(bytes, offset + 16);
    const accessed = u16(bytes, offset + 18);
    const mtime = this.time(u16(bytes, offset + 24), u16(bytes, offset + 22));
    // DIR_CrtTimeTenth counts hundredths, up to two seconds of them.
    const hundredths = Math.min(bytes[offset + 13], 199);
    attributes.mtime = attributes.ctime = attributes.atime = mtime;
    if (accessed !== 0) attributes.atime = this.time(accessed, 0);
    if (created !== 0) {
      attributes.ctime = this.time(created, u16(bytes, offset + 14)) + Math.floor(hundredths / 100);
      attributes.ctimeNs = (hundredths % 100) * 10_000_000;
    }
  }

  private time(date: number, time: number): number {
    const local = localSeconds(date, time);
    return local - this.context.localOffset(local);
  }
}

function isLabel(attr: number): boolean {
  return (
    (attr & 0x3f) !== ATTR_LONG_NAME &&
    (attr & (ATTR_VOLUME_ID | ATTR_DIRECTORY)) === ATTR_VOLUME_ID
  );
}
