/** A volume's files and directories by node id, as far as they were decoded lately. */
import { ImageError } from "../../errors.js";
import { type NodeId, ROOT_NODE } from "../volume.js";
import { fileExtents } from "./allocation.js";
import type { BlockAddress, BlockSpace } from "./block-space.js";
import { Directory } from "./directory.js";
import type { Extents } from "./extents.js";
import { type FileEntry, FileType } from "./file-entry.js";
import { FileStatus } from "./file-status.js";
import { readFileEntry, readFileStatus } from "./icb.js";
import { WeightedCache } from "./weighted-cache.js";

const ENTRY_CACHE_BYTES = 8 * 1024 * 1024;
/** Runs of extents: 16 bytes each. */
const EXTENT_CACHE_RUNS = 2 * 1024 * 1024;
const SMALL_FILE_BYTES = 128 * 1024;
const DIRECTORY_CACHE_BYTES = 64 * 1024 * 1024;

/** A file that may be read. */
export interface OpenFile {
  size: number;
  extents: Extents;
}

export class Objects {
  private readonly entries = new WeightedCache<FileEntry>(ENTRY_CACHE_BYTES);
  private readonly lastStatus = new FileStatus();
  private lastStatusNode: NodeId = 0;
  private lastFileNode: NodeId = 0;
  private lastFile!: OpenFile;
  private readonly files = new WeightedCache<OpenFile>(EXTENT_CACHE_RUNS);
  private readonly directories = new WeightedCache<Directory>(DIRECTORY_CACHE_BYTES);

  constructor(
    readonly space: BlockSpace,
    private readonly root: BlockAddress,
    private readonly warn: (warning: string) => void,
  ) {}

  /** Ids are the ICB's place: hard links share one. 0 and the root's 1 are kept free. */
  nodeOf(icb: BlockAddress): NodeId {
    const { root } = this;
    if (icb.block === root.block && icb.partition === root.partition) return ROOT_NODE;
    return icb.partition * 2 ** 32 + icb.block + 2;
  }

  get maxNode(): NodeId {
    return this.space.partitions.length * 2 ** 32 + 1;
  }

  private addressOf(node: NodeId): BlockAddress {
    if (node === ROOT_NODE) return this.root;
    return { partition: partitionOf(node), block: blockOf(node) };
  }

  entry(node: NodeId): FileEntry {
    let entry = this.entries.get(node);
    if (entry === undefined) {
      entry = readFileEntry(this.space, this.addressOf(node));
      const held = entry.extendedAttributes.length + entry.allocationDescriptors.length;
      this.entries.set(node, entry, 512 + held);
    }
    return entry;
  }

  /** Valid until the next call. Who lists a directory asks twice: for the type, then for the rest. */
  status(node: NodeId): FileStatus {
    if (node !== this.lastStatusNode) {
      // A throw leaves nothing half decoded behind.
      this.lastStatusNode = 0;
      const isRoot = node === ROOT_NODE;
      const partition = isRoot ? this.root.partition : partitionOf(node);
      const block = isRoot ? this.root.block : blockOf(node);
      readFileStatus(this.space, partition, block, this.lastStatus);
      this.lastStatusNode = node;
    }
    return this.lastStatus;
  }

  file(node: NodeId): OpenFile {
    if (node === this.lastFileNode) return this.lastFile;
    let file = this.files.get(node);
    if (file === undefined) {
      // Most files are opened once: their entries would only push out those that are asked again.
      const entry = this.entries.get(node) ?? readFileEntry(this.space, this.addressOf(node));
      file = { size: entry.informationLength, extents: fileExtents(this.space, entry) };
      // One read takes all of a small file: to keep it costs more than to decode it once more.
      if (file.size > SMALL_FILE_BYTES) this.files.set(node, file, 16 + file.extents.count);
    }
    this.lastFileNode = node;
    this.lastFile = file;
    return file;
  }

  directory(node: NodeId): Directory {
    let directory = this.directories.get(node);
    if (directory === undefined) {
      directory = this.readDirectory(node);
      this.directories.set(node, directory, directory.memory);
    }
    return directory;
  }

  private readDirectory(node: NodeId): Directory {
    const entry = this.entry(node);
    if (entry.fileType !== FileType.directory && entry.fileType !== FileType.streamDirectory) {
      throw new ImageError("corrupt", "udf", `the file at block ${entry.block} is no directory`);
    }
    const { space } = this;
    const extents: Extents[] = [];
    let failure: unknown;
    for (let copy = 0; copy < space.partition(entry.partition).copies; copy++) {
      try {
        extents.push(fileExtents(space, entry, copy));
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
        failure = error;
      }
    }
    if (extents.length === 0) throw failure;
    return new Directory(space.metadata, extents, entry.informationLength, (damaged) => {
      this.warn(`the directory at block ${entry.block} has ${damaged} bytes of damage`);
    });
  }
}

function partitionOf(node: NodeId): number {
  return Math.floor((node - 2) / 2 ** 32);
}

function blockOf(node: NodeId): number {
  return (node - 2) % 2 ** 32;
}
