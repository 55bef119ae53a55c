/**
 * Extended attributes: in the inode behind its fields, in one block of their own, and large values
 * in inodes of their own (ea_inode).
 *
 * Linux `Documentation/filesystems/ext4/attributes.rst`.
 */
import { corrupt } from "../../errors.js";
import type { MapContext } from "./block-map.js";
import { crc32c, crc32cLe64 } from "./crc32c.js";
import { RoCompat } from "./features.js";
import type { Inode } from "./inode.js";
import { le16, le32 } from "./little-endian.js";
import { FORMAT } from "./superblock.js";

const EXT4_XATTR_MAGIC = 0xea020000;
const BLOCK_HEADER_SIZE = 32;
const ENTRY_SIZE = 16;
/** Of e_name_index. */
const EXT4_XATTR_INDEX_SYSTEM = 7;
/** The kernel's own limit for any value (XATTR_SIZE_MAX). */
export const MAX_VALUE_SIZE = 65536;

export interface StoredXattr {
  /** e_name_index: stands for a prefix. */
  nameIndex: number;
  /** Without the prefix. */
  name: Uint8Array;
  size: number;
  /** The inode that holds the value; 0 when `value` does. */
  valueInode: number;
  value: Uint8Array;
}

/** All of an inode's, each a view of cached bytes: copy what is kept. */
export function readXattrs(context: MapContext, inode: Inode): StoredXattr[] {
  const found = bodyXattrs(inode);
  if (inode.fileAcl === 0) return found;
  const where = `attribute block of inode ${inode.number}`;
  const block = context.blocks.block(inode.fileAcl, where);
  const position = inode.fileAcl * context.superblock.blockSize;
  const magic = le32(block, 0);
  if (magic !== EXT4_XATTR_MAGIC) {
    throw corrupt(FORMAT, where, position, `magic is 0x${magic.toString(16)}, not 0xea020000`);
  }
  if (context.firstUse(inode.fileAcl) && !blockChecksumOk(context, inode.fileAcl, block)) {
    context.warn(`${where}: wrong checksum`);
  }
  // Callers read other blocks while they hold these: a copy.
  const copy = block.slice();
  parseEntries(copy, BLOCK_HEADER_SIZE, 0, where, position, found);
  return found;
}

/** What inline data keeps beyond i_block: the attribute `system.data` in the inode. */
export function inlineTail(inode: Inode): Uint8Array {
  for (const xattr of bodyXattrs(inode)) {
    if (xattr.nameIndex !== EXT4_XATTR_INDEX_SYSTEM || xattr.valueInode !== 0) continue;
    if (String.fromCharCode(...xattr.name) === "data") return xattr.value;
  }
  return new Uint8Array(0);
}

function bodyXattrs(inode: Inode): StoredXattr[] {
  const found: StoredXattr[] = [];
  const { bytes, bodyStart } = inode;
  if (bodyStart + 8 > bytes.length || le32(bytes, bodyStart) !== EXT4_XATTR_MAGIC) return found;
  const first = bodyStart + 4;
  parseEntries(bytes, first, first, `attributes of inode ${inode.number}`, bodyStart, found);
  return found;
}

/** Entries lie from `start`; their value offsets count from `base`. */
function parseEntries(
  bytes: Uint8Array,
  start: number,
  base: number,
  where: string,
  position: number,
  found: StoredXattr[],
): void {
  for (let entry = start; ; ) {
    if (entry + 4 > bytes.length) throw corrupt(FORMAT, where, position, "entries have no end");
    if (le32(bytes, entry) === 0) return;
    const nameLength = bytes[entry];
    const nameEnd = entry + ENTRY_SIZE + nameLength;
    if (nameEnd > bytes.length)
      throw corrupt(FORMAT, where, position, "an entry's name is cut off");
    const valueInode = le32(bytes, entry + 4);
    const size = le32(bytes, entry + 8);
    const valueStart = base + le16(bytes, entry + 2);
    if (valueInode === 0 ? valueStart + size > bytes.length : size > MAX_VALUE_SIZE) {
      throw corrupt(FORMAT, where, position, `value of ${size} bytes at ${valueStart}`);
    }
    found.push({
      nameIndex: bytes[entry + 1],
      name: bytes.subarray(entry + ENTRY_SIZE, nameEnd),
      size,
      valueInode,
      value:
        valueInode === 0 ? bytes.subarray(valueStart, valueStart + size) : bytes.subarray(0, 0),
    });
    entry += (ENTRY_SIZE + nameLength + 3) & ~3;
  }
}

function blockChecksumOk(context: MapContext, number: number, block: Uint8Array): boolean {
  if ((context.superblock.featureRoCompat & RoCompat.metadata_csum) === 0) return true;
  const copy = block.slice();
  copy.fill(0, 0x10, 0x14);
  const crc = crc32c(crc32cLe64(context.superblock.checksumSeed, number), copy, 0, copy.length);
  return crc === le32(block, 0x10);
}
