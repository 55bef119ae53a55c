/**
 * One tree of an ISO 9660 image as a Volume.
 *
 * Node ids: twice the byte offset of a file's directory record, or twice the byte offset of a
 * directory's first record plus one. So a directory has one id however it is reached (through its
 * record, through CL, through `..`), and the root, which may lie anywhere, is ROOT_NODE.
 */
import { corrupt } from "../../errors.js";
import type { HostRange } from "../../source/byte-source.js";
import {
  type Attributes,
  type EmitEntry,
  type NodeId,
  ROOT_NODE,
  S_IFDIR,
  S_IFLNK,
  type Volume,
  type VolumeDescription,
  type VolumeStatistics,
} from "../volume.js";
import { Directories } from "./directories.js";
import { dotIdentifier, systemUseOffset } from "./directory-record.js";
import { directoryNode, Entry, isDirectoryNode, nodePosition } from "./entry.js";
import { OpenFiles } from "./open-files.js";
import { PathTable } from "./path-table.js";
import type { RecordParser } from "./record-parser.js";
import type { VolumeDescriptor } from "./volume-descriptor.js";
import { anyXattrs } from "./xattr-survey.js";
import { recordXattrs, type Xattrs } from "./xattrs.js";

export class TreeVolume implements Volume {
  readonly maxNode: number;
  private readonly directories: Directories;
  private readonly files: OpenFiles;
  /** What `attributes` parsed last. */
  private readonly entry = new Entry();
  private readonly rootNode: NodeId;
  private pathTable: PathTable | undefined;
  private mayHaveXattrs: boolean | undefined;
  private xattrsNode: NodeId = 0;
  private xattrs: Xattrs = new Map();

  constructor(
    readonly description: VolumeDescription,
    private readonly parser: RecordParser,
    private readonly descriptor: VolumeDescriptor,
    private readonly rootStart: number,
    private readonly maxNameBytes: number,
  ) {
    this.maxNode = directoryNode(parser.image.lastStart);
    this.rootNode = directoryNode(rootStart);
    this.directories = new Directories(parser, rootStart, () => this.loadPathTable());
    this.files = new OpenFiles(parser);
  }

  get hasXattrs(): boolean {
    this.mayHaveXattrs ??= anyXattrs(this);
    return this.mayHaveXattrs;
  }

  lookup(directory: NodeId, name: string): NodeId {
    const start = this.directoryStart(directory);
    if (name === ".") return directory;
    if (name === "..") return this.parent(directory);
    const node = this.directories.lookup(start, name);
    if (node !== 0 || this.parser.spelling.kind !== "plain") return node;
    // The names of Rock Ridge are a POSIX system's.
    if (this.parser.rockRidge !== undefined) return 0;
    // Shown in lower case, known to people by their upper case.
    const lower = name.toLowerCase();
    return lower === name ? 0 : this.directories.lookup(start, lower);
  }

  attributes(node: NodeId, attributes: Attributes): void {
    const { listed } = this.directories;
    // A directory tells of itself by its `.`, the same however it was reached.
    const entry = node === listed.node && !isDirectoryNode(node) ? listed : this.parsed(node);
    const linkBytes = entry.type === S_IFLNK ? Buffer.byteLength(this.readLink(node)) : 0;
    entry.fill(attributes, linkBytes);
    if (node === ROOT_NODE) attributes.ino = ROOT_NODE;
  }

  readDirectory(directory: NodeId, cookie: number, emit: EmitEntry): void {
    this.directories.list(this.directoryStart(directory), cookie, emit);
  }

  parent(directory: NodeId): NodeId {
    const start = this.directories.parentStart(this.directoryStart(directory));
    return start === this.rootStart ? ROOT_NODE : directoryNode(start);
  }

  readLink(node: NodeId): string {
    const { rockRidge } = this.parser;
    const cursor = this.parser.stepTo(nodePosition(node));
    if (rockRidge === undefined || cursor === undefined) return "";
    const { bytes, at: start } = cursor;
    return rockRidge.readLink(bytes, start + systemUseOffset(bytes, start), start + bytes[start]);
  }

  read(node: NodeId, position: number, target: Uint8Array, offset: number, length: number): number {
    return this.files.read(node, position, target, offset, length);
  }

  locate(node: NodeId, position: number, length: number, range: HostRange): boolean {
    return this.files.locate(node, position, length, range);
  }

  listXattrs(node: NodeId): readonly string[] {
    return [...this.loadXattrs(node).keys()];
  }

  readXattr(node: NodeId, name: string): Uint8Array | undefined {
    return this.loadXattrs(node).get(name);
  }

  statistics(): VolumeStatistics {
    return {
      blockSize: this.parser.image.blockSize,
      blocks: this.descriptor.volumeSpaceSize,
      freeBlocks: 0,
      files: 0,
      maxNameBytes: this.maxNameBytes,
    };
  }

  /** Byte offset of a directory's first record. */
  private directoryStart(node: NodeId): number {
    if (node === ROOT_NODE) return this.rootStart;
    if (!isDirectoryNode(node)) {
      throw corrupt("iso9660", "directory record", nodePosition(node), "is no directory");
    }
    return nodePosition(node);
  }

  private parsed(node: NodeId): Entry {
    const { entry, parser } = this;
    if (!isDirectoryNode(node)) {
      if (entry.node === node) return entry;
      if (parser.parseAt(node, entry)) return entry;
      entry.node = 0;
      throw corrupt("iso9660", "directory record", nodePosition(node), "is not there");
    }
    const inside = node === ROOT_NODE ? this.rootNode : node;
    if (entry.node === inside && entry.type === S_IFDIR) return entry;
    const start = nodePosition(inside);
    const cursor = parser.stepTo(start);
    if (cursor !== undefined && dotIdentifier(cursor.bytes, cursor.at) === 0) {
      parser.parse(cursor, entry);
    } else entry.resetDirectory(parser.image.owner, this.description.created ?? 0);
    // A damaged `.` may say anything; the node is what was asked for.
    entry.node = inside;
    entry.type = S_IFDIR;
    return entry;
  }

  private loadXattrs(node: NodeId): Xattrs {
    if (node !== this.xattrsNode) {
      this.xattrs = this.readXattrs(node);
      this.xattrsNode = node;
    }
    return this.xattrs;
  }

  private readXattrs(node: NodeId): Xattrs {
    const { parser } = this;
    if (!isDirectoryNode(node)) return recordXattrs(parser, nodePosition(node), true);
    const start = this.directoryStart(node);
    const xattrs = recordXattrs(parser, start, false);
    if (xattrs.size > 0 || node === ROOT_NODE) return xattrs;
    // Some writers have them only where the parent lists the directory.
    const position = this.directories.ownRecord(start);
    return position < 0 ? xattrs : recordXattrs(parser, position, false);
  }

  private loadPathTable(): PathTable {
    this.pathTable ??= new PathTable(this.parser.image, this.descriptor, this.parser.spelling);
    return this.pathTable;
  }
}
