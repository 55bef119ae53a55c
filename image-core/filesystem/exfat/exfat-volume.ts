/** exFAT as a Volume. Modes and link counts are those that Linux shows to who mounts. */
import { corrupt } from "../../errors.js";
import type { OpenContext } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { ClusterChain } from "../fat/cluster-chain.js";
import { ClusterVolume, type FileContents } from "../fat/cluster-volume.js";
import type { DirectoryEntry } from "../fat/directory.js";
import { DirectoryStream, ENTRY_BYTES } from "../fat/directory-stream.js";
import {
  type Attributes,
  type NodeId,
  ROOT_NODE,
  S_IFDIR,
  S_IFREG,
  type VolumeDescription,
} from "../volume.js";
import { zeroBits } from "../zero-bits.js";
import {
  ATTR_DIRECTORY,
  ATTR_READ_ONLY,
  decodeStreamExtension,
  END_OF_DIRECTORY,
  FILE,
  STREAM_EXTENSION,
  type StreamExtension,
  u16,
} from "./entries.js";
import { readEntrySet } from "./entry-set.js";
import { ExfatTable } from "./exfat-table.js";
import type { ExfatGeometry } from "./geometry.js";
import { decodeSystemEntries, type SystemEntries } from "./system-entries.js";
import { timestamp } from "./timestamp.js";
import type { UpcaseTable } from "./upcase-table.js";

/** Section 7.4.8: no directory is longer. */
const MAX_DIRECTORY_BYTES = 256 << 20;
/** An entry set of 19 entries reaches into two more clusters, if those are small. */
const MAX_SET_BYTES = 1024;
const BLOCK = 4096;
const BITMAP_BYTES = 65_536;

export class ExfatVolume extends ClusterVolume {
  private readonly table: ExfatTable;
  private upcase: UpcaseTable | undefined;
  private bitmap: StreamExtension | undefined;

  constructor(
    source: ByteSource,
    description: VolumeDescription,
    private readonly geometry: ExfatGeometry,
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
    this.table = new ExfatTable(this.cache, geometry.fatStart, geometry.clusterCount);
  }

  /** What the root directory says of the volume besides its files: needed before names are looked up. */
  readSystemEntries(warnings: string[]): SystemEntries {
    const entries = decodeSystemEntries(
      this.stream(ROOT_NODE),
      (extension, limit) => this.readWhole(extension, limit),
      warnings,
    );
    this.upcase = entries.upcase;
    this.bitmap = entries.bitmap;
    return entries;
  }

  attributes(node: NodeId, attributes: Attributes): void {
    attributes.ino = node;
    attributes.uid = this.context.owner.uid;
    attributes.gid = this.context.owner.gid;
    attributes.rdevMajor = attributes.rdevMinor = 0;
    if (node === ROOT_NODE) {
      attributes.atime = attributes.mtime = attributes.ctime = 0;
      attributes.atimeNs = attributes.mtimeNs = attributes.ctimeNs = 0;
      this.directoryAttributes(node, attributes);
      return;
    }
    const position = this.position(node);
    const bytes = this.cache.block(Math.floor(position / BLOCK));
    const offset = position % BLOCK;
    const attr = u16(bytes, offset + 4);
    this.times(bytes, offset, attributes);
    if ((attr & ATTR_DIRECTORY) !== 0) {
      this.directoryAttributes(node, attributes);
      return;
    }
    const { dataLength } = this.streamExtension(node);
    attributes.mode = S_IFREG | ((attr & ATTR_READ_ONLY) === 0 ? 0o755 : 0o555);
    attributes.nlink = 1;
    attributes.size = dataLength;
    attributes.blocks = this.blocks(dataLength);
  }

  protected stream(node: NodeId): DirectoryStream {
    const { clusterSize, rootCluster } = this.geometry;
    const stream = new DirectoryStream(this.cache);
    const extension = node === ROOT_NODE ? undefined : this.streamExtension(node);
    // An empty directory may have no cluster at all.
    if (extension?.firstCluster === 0) return stream;
    const limit = Math.ceil(MAX_DIRECTORY_BYTES / clusterSize);
    if (extension?.noFatChain) {
      const { firstCluster } = extension;
      stream.problem = this.table.problem(firstCluster);
      if (stream.problem !== undefined) return stream;
      const count = Math.min(this.contiguous(extension), limit);
      stream.append(this.positionOf(firstCluster), count * clusterSize);
      return stream;
    }
    stream.appendChain(
      this.table,
      extension?.firstCluster ?? rootCluster,
      limit,
      (cluster) => this.positionOf(cluster),
      clusterSize,
    );
    return stream;
  }

  protected contents(node: NodeId): FileContents {
    const extension = this.streamExtension(node);
    return {
      chain: this.chain(extension),
      size: extension.dataLength,
      validSize: Math.min(extension.dataLength, extension.validDataLength),
    };
  }

  protected scan(
    stream: DirectoryStream,
    from: number,
    visit: (entry: DirectoryEntry) => boolean,
  ): void {
    for (let slot = from; stream.seek(slot); ) {
      const type = stream.bytes[stream.offset];
      if (type === END_OF_DIRECTORY) return;
      const set = type === FILE ? readEntrySet(stream, slot) : undefined;
      const nextSlot = slot + (set?.length ?? 1);
      if (set !== undefined) {
        const entry: DirectoryEntry = {
          name: set.name,
          alias: "",
          node: this.nodeAt(set.position),
          directory: set.directory,
          firstCluster: set.extension.firstCluster,
          slot,
          nextSlot,
        };
        if (!visit(entry)) return;
      }
      slot = nextSlot;
    }
  }

  protected fold(name: string): string {
    return this.upcase?.fold(name) ?? name.toUpperCase();
  }

  /** By the allocation bitmap, which reading does not otherwise trust. */
  protected countFreeClusters(): number {
    if (this.bitmap === undefined) return 0;
    const { clusterSize, clusterCount } = this.geometry;
    const chain = this.chain(this.bitmap);
    const bytes = new Uint8Array(Math.min(clusterSize, BITMAP_BYTES));
    const bits = Math.min(clusterCount, (this.bitmap.dataLength || 0) * 8);
    let free = 0;
    for (let from = 0; from * 8 < bits; from += bytes.length) {
      const inside = from % clusterSize;
      if (!chain.seek((from - inside) / clusterSize)) break;
      const wanted = Math.min(bytes.length, Math.ceil(bits / 8) - from);
      const got = this.source.read(this.positionOf(chain.cluster) + inside, bytes, 0, wanted);
      free += zeroBits(bytes, Math.min(got * 8, bits - from * 8));
      if (got < wanted) break;
    }
    return free;
  }

  private directoryAttributes(node: NodeId, attributes: Attributes): void {
    const directory = this.directory(node);
    attributes.mode = S_IFDIR | 0o755;
    attributes.nlink = 2 + directory.subdirectories;
    attributes.size = directory.size;
    attributes.blocks = this.blocks(directory.size);
  }

  /** The creation time stands as ctime: exFAT records no other change. */
  private times(bytes: Uint8Array, offset: number, attributes: Attributes): void {
    const localOffset = this.context.localOffset;
    const created = timestamp(
      bytes,
      offset + 8,
      bytes[offset + 20],
      bytes[offset + 22],
      localOffset,
    );
    attributes.ctime = created.seconds;
    attributes.ctimeNs = created.nanoseconds;
    const modified = timestamp(
      bytes,
      offset + 12,
      bytes[offset + 21],
      bytes[offset + 23],
      localOffset,
    );
    attributes.mtime = modified.seconds;
    attributes.mtimeNs = modified.nanoseconds;
    attributes.atime = timestamp(bytes, offset + 16, 0, bytes[offset + 24], localOffset).seconds;
    attributes.atimeNs = 0;
  }

  /**
   * The Stream Extension of the File entry `node`, which is the entry behind it. Where the set goes on
   * in another cluster the directory it lies in is not at hand, so the cluster behind and the one
   * that the FAT names are both tried, and the set's checksum decides; the FAT where it is wrong for both.
   */
  private streamExtension(node: NodeId): StreamExtension {
    const position = this.position(node);
    const { clusterSize, dataStart } = this.geometry;
    if (position < dataStart) throw corrupt("exfat", "entry set", position, `node ${node} is none`);
    const left = clusterSize - ((position - dataStart) % clusterSize);
    if (left > ENTRY_BYTES && position + 2 * ENTRY_BYTES <= this.source.size) {
      const next = position + ENTRY_BYTES;
      const bytes = this.cache.block(Math.floor(next / BLOCK));
      if (bytes[next % BLOCK] === STREAM_EXTENSION) {
        return this.checked(node, decodeStreamExtension(bytes, next % BLOCK));
      }
    }
    let unchecked: StreamExtension | undefined;
    for (const chained of [true, false]) {
      const stream = new DirectoryStream(this.cache);
      stream.append(position, chained ? left : left + MAX_SET_BYTES);
      if (chained) {
        const cluster = Math.floor((position - dataStart) / clusterSize) + 2;
        const next = this.table.next(cluster);
        const limit = Math.ceil(MAX_SET_BYTES / clusterSize);
        stream.appendChain(this.table, next, limit, (c) => this.positionOf(c), clusterSize);
      }
      if (!stream.seek(0) || stream.bytes[stream.offset] !== FILE) break;
      const set = readEntrySet(stream, 0);
      if (set?.checked) return this.checked(node, set.extension);
      unchecked ??= set?.extension;
    }
    if (unchecked !== undefined) return this.checked(node, unchecked);
    throw corrupt("exfat", "entry set", position, `node ${node} is none`);
  }

  private checked(node: NodeId, extension: StreamExtension): StreamExtension {
    if (Number.isNaN(extension.dataLength) || Number.isNaN(extension.validDataLength)) {
      throw corrupt("exfat", "Stream Extension", this.position(node), "a length beyond 2^53");
    }
    return extension;
  }

  private chain(extension: StreamExtension): ClusterChain {
    const contiguous = extension.noFatChain ? this.contiguous(extension) : 0;
    const { clusterCount } = this.geometry;
    return new ClusterChain(this.table, extension.firstCluster, clusterCount, contiguous);
  }

  /** Clusters of a stream that has no chain, as far as there are any. */
  private contiguous({ firstCluster, dataLength }: StreamExtension): number {
    const { clusterSize, clusterCount } = this.geometry;
    return Math.min(Math.ceil(dataLength / clusterSize), clusterCount + 2 - firstCluster);
  }

  /** At most `limit` bytes, fewer where the chain or the image ends early. */
  private readWhole(extension: StreamExtension, limit: number): Uint8Array {
    const { clusterSize } = this.geometry;
    const length = Math.min(limit, extension.dataLength || 0);
    const bytes = new Uint8Array(length);
    const chain = this.chain(extension);
    for (let index = 0; index * clusterSize < length; index++) {
      if (!chain.seek(index)) return bytes.subarray(0, index * clusterSize);
      const wanted = Math.min(clusterSize, length - index * clusterSize);
      const got = this.source.read(
        this.positionOf(chain.cluster),
        bytes,
        index * clusterSize,
        wanted,
      );
      if (got < wanted) return bytes.subarray(0, index * clusterSize + got);
    }
    return bytes;
  }
}
