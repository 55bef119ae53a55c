/**
 * What FAT and exFAT volumes share: directories of 32-byte entries, files as chains of clusters,
 * and node ids that are the entry's offset in the volume / 32 + 1 (the first sector holds no entry,
 * so none is the root's).
 *
 * Memory: directory indexes of `MAX_INDEXED` weight, `MAX_OPEN_FILES` chains, the metadata cache
 * (2 MiB). Least recently used out first.
 */
import { BlockCache } from "../../cache/block-cache.js";
import { at, corrupt, ImageError } from "../../errors.js";
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
import type { ClusterChain } from "./cluster-chain.js";
import { Directory, type DirectoryEntry } from "./directory.js";
import { DirectoryClaims } from "./directory-claims.js";
import { type DirectoryStream, ENTRY_BYTES } from "./directory-stream.js";

const MAX_INDEXED = 1 << 20;
const MAX_OPEN_FILES = 64;
const MAX_VISITED = 1 << 18;

/** A file whose chain is being followed. */
export interface FileContents {
  chain: ClusterChain;
  size: number;
  /** Bytes from here to `size` read as zeros and are stored nowhere. */
  validSize: number;
}

export abstract class ClusterVolume implements Volume {
  readonly maxNode: number;
  protected readonly cache: BlockCache;
  private readonly claims = new DirectoryClaims();
  private readonly directories = new Map<NodeId, Directory>();
  private indexed = 0;
  private readonly files = new Map<NodeId, FileContents>();
  private freeClusters = -1;

  constructor(
    protected readonly source: ByteSource,
    readonly description: VolumeDescription,
    private readonly clusterSize: number,
    private readonly clusterCount: number,
    /** Where cluster 2 begins. */
    private readonly dataStart: number,
    rootCluster: number,
  ) {
    this.cache = new BlockCache(source);
    this.maxNode = Math.floor(source.size / ENTRY_BYTES) + 1;
    if (rootCluster !== 0) this.claims.claim(rootCluster, ROOT_NODE, ROOT_NODE);
  }

  abstract attributes(node: NodeId, attributes: Attributes): void;
  /** The entries of the directory `node`. */
  protected abstract stream(node: NodeId): DirectoryStream;
  protected abstract contents(node: NodeId): FileContents;
  protected abstract scan(
    stream: DirectoryStream,
    slot: number,
    visit: (entry: DirectoryEntry) => boolean,
  ): void;
  /** The volume's rule for names that differ in case only. */
  protected abstract fold(name: string): string;
  protected abstract countFreeClusters(): number;

  lookup(directory: NodeId, name: string): NodeId {
    if (name === ".") return directory;
    if (name === "..") return this.parent(directory);
    return this.directory(directory).find(name)?.node ?? 0;
  }

  readDirectory(directory: NodeId, cookie: number, emit: EmitEntry): void {
    const index = this.directory(directory);
    let emitted = false;
    index.list(cookie, (entry) => {
      emitted = true;
      return emit(entry.name, entry.node, entry.directory ? S_IFDIR : S_IFREG, entry.nextSlot);
    });
    // What is whole was listed; the error comes when the reader asks for what should follow.
    if (!emitted && index.problem !== undefined) {
      const position = directory === ROOT_NODE ? 0 : this.position(directory);
      throw corrupt(this.description.format, "directory", position, index.problem);
    }
  }

  parent(directory: NodeId): NodeId {
    if (directory === ROOT_NODE) return ROOT_NODE;
    return this.claims.parentOf(directory) ?? this.searchParent(directory);
  }

  readLink(node: NodeId): string {
    throw corrupt(this.description.format, "entry", this.position(node), "is not a symlink");
  }

  read(node: NodeId, position: number, target: Uint8Array, offset: number, length: number): number {
    const file = this.file(node);
    if (position >= file.size) return 0;
    const end = Math.min(file.size, position + length);
    const valid = Math.min(end, file.validSize);
    let from = position;
    while (from < valid) {
      const inside = this.seek(node, file, from);
      const run = file.chain.run * this.clusterSize - inside;
      const count = Math.min(run, valid - from);
      const start = this.positionOf(file.chain.cluster) + inside;
      const got = this.source.read(start, target, offset, count);
      if (got < count) {
        throw new ImageError(
          "truncated",
          this.description.format,
          `file contents ${at(start)}: got ${got} of ${count} bytes, the image ends ${at(this.source.size)}`,
        );
      }
      from += count;
      offset += count;
    }
    if (from < end) target.fill(0, offset, offset + end - from);
    return end - position;
  }

  locate(node: NodeId, position: number, length: number, range: HostRange): boolean {
    if (this.source.locate === undefined) return false;
    const file = this.file(node);
    if (position >= file.validSize) return false;
    const inside = this.seek(node, file, position);
    const run = file.chain.run * this.clusterSize - inside;
    const wanted = Math.min(length, run, file.validSize - position);
    return this.source.locate(this.positionOf(file.chain.cluster) + inside, wanted, range);
  }

  listXattrs(_node: NodeId): readonly string[] {
    return [];
  }

  readXattr(_node: NodeId, _name: string): Uint8Array | undefined {
    return undefined;
  }

  statistics(): VolumeStatistics {
    if (this.freeClusters < 0) this.freeClusters = this.countFreeClusters();
    return {
      blockSize: this.clusterSize,
      blocks: this.clusterCount,
      freeBlocks: this.freeClusters,
      files: 0,
      maxNameBytes: 255 * 3,
    };
  }

  /** Where cluster `cluster` begins. */
  protected positionOf(cluster: number): number {
    return this.dataStart + (cluster - 2) * this.clusterSize;
  }

  protected nodeAt(position: number): NodeId {
    return position / ENTRY_BYTES + 1;
  }

  /** Of the entry `node`; throws where there can be none. */
  protected position(node: NodeId): number {
    const position = (node - 1) * ENTRY_BYTES;
    if (node <= ROOT_NODE || position + ENTRY_BYTES > this.source.size) {
      throw corrupt(this.description.format, "entry", position, `the volume has no node ${node}`);
    }
    return position;
  }

  /** In units of 512 bytes: whole clusters. */
  protected blocks(size: number): number {
    return (Math.ceil(size / this.clusterSize) * this.clusterSize) / 512;
  }

  protected directory(node: NodeId): Directory {
    const known = this.directories.get(node);
    if (known !== undefined) {
      this.directories.delete(node);
      this.directories.set(node, known);
      return known;
    }
    const directory = new Directory(
      this.stream(node),
      (stream, slot, visit) => this.scan(stream, slot, visit),
      (name) => this.fold(name),
      (entry) => this.claims.claim(entry.firstCluster, entry.node, node),
    );
    this.directories.set(node, directory);
    this.indexed += directory.weight;
    for (const [oldest, index] of this.directories) {
      if (this.indexed <= MAX_INDEXED || oldest === node) break;
      this.directories.delete(oldest);
      this.indexed -= index.weight;
    }
    return directory;
  }

  private file(node: NodeId): FileContents {
    const known = this.files.get(node);
    if (known !== undefined) return known;
    const contents = this.contents(node);
    if (this.files.size === MAX_OPEN_FILES) {
      const oldest = this.files.keys().next().value as NodeId;
      this.files.delete(oldest);
    }
    this.files.set(node, contents);
    return contents;
  }

  /** Moves the chain to the cluster that holds byte `position`; returns where in it. */
  private seek(node: NodeId, file: FileContents, position: number): number {
    const index = Math.floor(position / this.clusterSize);
    if (!file.chain.seek(index)) {
      throw corrupt(
        this.description.format,
        "file entry",
        this.position(node),
        `no cluster for byte ${position} of ${file.size}: ${file.chain.problem ?? "the chain ends before"}`,
      );
    }
    return position - index * this.clusterSize;
  }

  /** For directories met after a restart: walks the tree, breadth first, until it finds the owner. */
  private searchParent(wanted: NodeId): NodeId {
    const pending: NodeId[] = [ROOT_NODE];
    for (let i = 0; i < pending.length && i < MAX_VISITED; i++) {
      const directory = pending[i];
      let found = false;
      this.directory(directory).list(0, (entry) => {
        if (entry.directory) {
          found ||= entry.node === wanted;
          pending.push(entry.node);
        }
        return !found;
      });
      if (found) return directory;
    }
    throw corrupt(
      this.description.format,
      "directory entry",
      this.position(wanted),
      "lies in no directory of the tree",
    );
  }
}
