/**
 * An ext2, ext3 or ext4 filesystem as a Volume.
 *
 * A node id is the inode number, but that root (inode 2) and inode 1 (bad blocks) trade places.
 *
 * Checksums (metadata_csum) that are wrong become warnings, not errors: what they guard is checked
 * for sense by itself, and a reader that only looks is better served by the data than by EIO.
 */

import { RecentlyUsed } from "../../cache/recently-used.js";
import { corrupt, ImageError } from "../../errors.js";
import type { HostRange } from "../../source/byte-source.js";
import {
  type Attributes,
  type EmitEntry,
  type NodeId,
  ROOT_NODE,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  type Volume,
  type VolumeDescription,
  type VolumeStatistics,
} from "../volume.js";
import type { MapContext } from "./block-map.js";
import { parentInode, visitEntries } from "./directory.js";
import { DirectoryListing, isDots, MAX_LISTED, shownNames } from "./directory-listing.js";
import { locateFile, type OpenFile, openFile, readFile, symlinkTarget } from "./file-contents.js";
import { decodeAttributes, decodeInode, InodeFlag, inodeChecksumOk } from "./inode.js";
import type { InodeTable } from "./inode-table.js";
import { le16 } from "./little-endian.js";
import { decodeText } from "./names.js";
import { FORMAT } from "./superblock.js";
import { MAX_VALUE_SIZE, readXattrs, type StoredXattr } from "./xattr.js";
import { fullName, shownValue } from "./xattr-names.js";

export const ROOT_INODE = 2;

/** Bytes of inodes, with what is inline in them, that are kept decoded. */
const OPEN_FILES_BYTES = 4 * 1024 * 1024;

export class ExtVolume implements Volume {
  readonly maxNode: number;
  private readonly files = new RecentlyUsed<OpenFile>(OPEN_FILES_BYTES);
  private readonly listings = new RecentlyUsed<DirectoryListing>(MAX_LISTED);

  constructor(
    readonly description: VolumeDescription,
    private readonly map: MapContext,
    private readonly inodes: InodeTable,
  ) {
    this.maxNode = map.superblock.inodesCount;
  }

  lookup(directory: NodeId, name: string): NodeId {
    if (name === ".") return directory;
    if (name === "..") return this.parent(directory);
    const file = this.directory(directory);
    const listing = this.listing(file);
    if (listing === undefined) return this.lookupStreamed(file, name);
    let found = listing.lookup(name) || listing.lookup(name.normalize("NFC"));
    if (found === 0 && (file.inode.flags & InodeFlag.casefold) !== 0) {
      found = listing.lookupFolded(name);
    }
    if (found !== 0) {
      const stray = this.strayDirectory(file, found, listing);
      if (stray !== undefined) throw stray;
      return nodeOf(found);
    }
    // Absent from what could be read is not absent.
    if (listing.damage !== undefined) throw listing.damage;
    return 0;
  }

  attributes(node: NodeId, attributes: Attributes): void {
    const number = inodeOf(node);
    const bytes = this.inodes.load(number);
    if ((le16(bytes, 0) & S_IFMT) === 0) {
      throw corrupt(FORMAT, `inode ${number}`, 0, "is not in use");
    }
    decodeAttributes(bytes, number, this.map.superblock, attributes);
    attributes.ino = number;
  }

  readDirectory(directory: NodeId, cookie: number, emit: EmitEntry): void {
    const file = this.directory(directory);
    const listing = this.listing(file);
    if (listing === undefined) {
      this.streamDirectory(file, cookie, emit);
      return;
    }
    const { names, inodes, nexts } = listing;
    let { damage } = listing;
    for (let index = listing.indexBehind(cookie); index < names.length; index++) {
      const number = inodes[index];
      const type = this.type(number);
      const stray = type === S_IFDIR ? this.strayDirectory(file, number, listing) : undefined;
      if (stray !== undefined) damage ??= stray;
      else if (!emit(names[index], nodeOf(number), type, nexts[index])) return;
    }
    if (damage !== undefined) throw damage;
  }

  parent(directory: NodeId): NodeId {
    if (directory === ROOT_NODE) return ROOT_NODE;
    return nodeOf(parentInode(this.map, this.directory(directory)));
  }

  readLink(node: NodeId): string {
    const file = this.file(node);
    if ((file.inode.mode & S_IFMT) !== S_IFLNK) {
      throw corrupt(FORMAT, `inode ${file.inode.number}`, 0, "is not a symlink");
    }
    return decodeText(symlinkTarget(this.map, file));
  }

  read(node: NodeId, position: number, target: Uint8Array, offset: number, length: number): number {
    return readFile(this.map, this.file(node), position, target, offset, length);
  }

  locate(node: NodeId, position: number, length: number, range: HostRange): boolean {
    return locateFile(this.map, this.file(node), position, length, range);
  }

  listXattrs(node: NodeId): readonly string[] {
    const names = new Set<string>();
    for (const xattr of readXattrs(this.map, this.file(node).inode)) {
      const name = fullName(xattr);
      if (name !== undefined) names.add(name);
    }
    return [...names];
  }

  readXattr(node: NodeId, name: string): Uint8Array | undefined {
    for (const xattr of readXattrs(this.map, this.file(node).inode)) {
      if (fullName(xattr) === name) return shownValue(xattr, this.xattrValue(xattr));
    }
    return undefined;
  }

  statistics(): VolumeStatistics {
    const { superblock } = this.map;
    return {
      blockSize: superblock.blockSize,
      blocks: superblock.blocksCount,
      freeBlocks: Math.min(superblock.freeBlocksCount, superblock.blocksCount),
      files: superblock.inodesCount,
      maxNameBytes: 255,
    };
  }

  private file(node: NodeId): OpenFile {
    return this.files.get(node) ?? this.open(node);
  }

  private open(node: NodeId): OpenFile {
    const number = inodeOf(node);
    const { superblock } = this.map;
    const inode = decodeInode(this.inodes.load(number).slice(), number, superblock);
    if ((inode.mode & S_IFMT) === 0) throw corrupt(FORMAT, `inode ${number}`, 0, "is not in use");
    if (!inodeChecksumOk(inode.bytes, number, superblock)) {
      this.map.warn(`inode ${number} has a wrong checksum`);
    }
    const file = openFile(this.map, inode);
    return this.files.add(node, file, 256 + inode.bytes.length + (file.inline?.length ?? 0));
  }

  private directory(node: NodeId): OpenFile {
    const file = this.file(node);
    if ((file.inode.mode & S_IFMT) !== S_IFDIR) {
      throw corrupt(FORMAT, `inode ${file.inode.number}`, 0, "is not a directory");
    }
    return file;
  }

  /** Undefined for a directory too large to be held. */
  private listing(directory: OpenFile): DirectoryListing | undefined {
    const { number } = directory.inode;
    let listing = this.listings.get(number);
    if (listing === undefined) {
      listing = new DirectoryListing(this.map, directory);
      this.listings.add(number, listing, 16 + listing.names.length);
    }
    return listing.tooLarge ? undefined : listing;
  }

  private streamDirectory(directory: OpenFile, cookie: number, emit: EmitEntry): void {
    const shown = shownNames(this.map, directory);
    let stray: ImageError | undefined;
    const damage = visitEntries(this.map, directory, cookie, (bytes, start, end, inode, next) => {
      if (isDots(bytes, start, end)) return true;
      const type = this.type(inode);
      const wrong = type === S_IFDIR ? this.strayDirectory(directory, inode) : undefined;
      stray ??= wrong;
      return wrong !== undefined || emit(shown(bytes, start, end), nodeOf(inode), type, next);
    });
    if (damage !== undefined || stray !== undefined) throw damage ?? stray;
  }

  private lookupStreamed(directory: OpenFile, name: string): NodeId {
    const shown = shownNames(this.map, directory);
    let found = 0;
    const damage = visitEntries(this.map, directory, 0, (bytes, start, end, inode) => {
      if (!isDots(bytes, start, end) && shown(bytes, start, end) === name) found = inode;
      return found === 0;
    });
    if (found !== 0) {
      const stray = this.strayDirectory(directory, found);
      if (stray !== undefined) throw stray;
      return nodeOf(found);
    }
    if (damage !== undefined) throw damage;
    return 0;
  }

  /**
   * What is wrong with an entry for a directory that says it lies elsewhere, or that has several
   * names here: followed, such entries make rings and trees without end. Undefined for files.
   */
  private strayDirectory(
    directory: OpenFile,
    number: number,
    listing?: DirectoryListing,
  ): ImageError | undefined {
    if (this.type(number) !== S_IFDIR) return undefined;
    const parent = directory.inode.number;
    const wrong = (problem: string) =>
      corrupt(FORMAT, `directory, inode ${parent}, entry for inode ${number}`, 0, problem);
    if (number === ROOT_INODE) return wrong("it is the root");
    if (listing?.repeatedly.has(number)) return wrong("a directory has one name only");
    try {
      const stated = parentInode(this.map, this.file(nodeOf(number)));
      return stated === parent ? undefined : wrong(`it lies in inode ${stated} by its own account`);
    } catch (error) {
      if (error instanceof ImageError) return error;
      throw error;
    }
  }

  /** From the inode, which is what stat(2) will say: the copy in the directory may be absent or wrong. */
  private type(number: number): number {
    try {
      return le16(this.inodes.load(number), 0) & S_IFMT || S_IFREG;
    } catch (error) {
      // The name is shown all the same; asking for its attributes will say what is wrong.
      if (error instanceof ImageError) return S_IFREG;
      throw error;
    }
  }

  private xattrValue(xattr: StoredXattr): Uint8Array {
    if (xattr.valueInode === 0) return xattr.value;
    const value = this.file(nodeOf(xattr.valueInode));
    if ((value.inode.flags & InodeFlag.eaInode) === 0 || value.inode.size !== xattr.size) {
      throw corrupt(
        FORMAT,
        `attribute value in inode ${xattr.valueInode}`,
        0,
        `${value.inode.size} of ${xattr.size} bytes`,
      );
    }
    const bytes = new Uint8Array(Math.min(xattr.size, MAX_VALUE_SIZE));
    readFile(this.map, value, 0, bytes, 0, bytes.length);
    return bytes;
  }
}

function inodeOf(node: NodeId): number {
  return node === ROOT_NODE ? ROOT_INODE : node === ROOT_INODE ? ROOT_NODE : node;
}

/** Its own inverse. */
function nodeOf(inode: number): NodeId {
  return inodeOf(inode);
}
