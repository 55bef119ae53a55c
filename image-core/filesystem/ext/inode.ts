/**
 * The inode: 128 bytes of ext2, the extra fields of ext4 behind them.
 *
 * Linux `Documentation/filesystems/ext4/inodes.rst`.
 */
import { corrupt } from "../../errors.js";
import { type Attributes, S_IFBLK, S_IFCHR, S_IFDIR, S_IFMT, S_IFREG } from "../volume.js";
import { crc32c, crc32cLe32 } from "./crc32c.js";
import { Incompat, RoCompat } from "./features.js";
import { le16, le32 } from "./little-endian.js";
import { FORMAT, type Superblock } from "./superblock.js";

export const InodeFlag = {
  compressed: 0x4,
  encrypt: 0x800,
  index: 0x1000,
  hugeFile: 0x40000,
  extents: 0x80000,
  eaInode: 0x200000,
  inlineData: 0x10000000,
  casefold: 0x40000000,
} as const;

export const I_BLOCK = 0x28;
export const I_BLOCK_SIZE = 60;
const GOOD_OLD_INODE_SIZE = 128;
/** Of i_extra_isize: the fields up to and with the high half of the checksum. */
const EXTRA_WITH_CHECKSUM = 4;

/** What reading a file's contents needs of its inode, kept while the file is in use. */
export interface Inode {
  number: number;
  mode: number;
  size: number;
  flags: number;
  /** In units of 512 bytes. */
  blocks: number;
  /** Block of extended attributes; 0 for none. */
  fileAcl: number;
  /** The whole inode as stored. */
  bytes: Uint8Array;
  /** Where the in-inode extended attributes begin; `bytes.length` where there is no room for any. */
  bodyStart: number;
  /** What checksums of this inode's blocks start from. */
  checksumSeed: number;
}

/** `bytes` becomes the inode's own. Throws `corrupt` for a size beyond 2^53. */
export function decodeInode(bytes: Uint8Array, number: number, superblock: Superblock): Inode {
  const extra = extraSize(bytes);
  return {
    number,
    mode: le16(bytes, 0),
    size: inodeSize(bytes, number, superblock),
    flags: le32(bytes, 0x20),
    blocks: inodeBlocks(bytes, superblock),
    // The Hurd keeps the upper half of the mode where 64-bit filesystems have that of the block.
    fileAcl:
      le32(bytes, 0x68) +
      ((superblock.featureIncompat & Incompat["64bit"]) !== 0 ? le16(bytes, 0x76) * 2 ** 32 : 0),
    bytes,
    bodyStart: extra === 0 ? bytes.length : GOOD_OLD_INODE_SIZE + extra,
    checksumSeed: crc32cLe32(crc32cLe32(superblock.checksumSeed, number), le32(bytes, 0x64)),
  };
}

/** Overwrites every field but `ino`. Allocates nothing: a directory of 100,000 files comes through here. */
export function decodeAttributes(
  bytes: Uint8Array,
  number: number,
  superblock: Superblock,
  attributes: Attributes,
): void {
  const mode = le16(bytes, 0);
  const extra = extraSize(bytes);
  attributes.mode = mode;
  attributes.nlink = le16(bytes, 0x1a);
  attributes.uid = le16(bytes, 0x02) + le16(bytes, 0x78) * 0x10000;
  attributes.gid = le16(bytes, 0x18) + le16(bytes, 0x7a) * 0x10000;
  attributes.size = inodeSize(bytes, number, superblock);
  attributes.blocks = inodeBlocks(bytes, superblock);
  if ((le32(bytes, 0x20) & InodeFlag.inlineData) !== 0 && (mode & S_IFMT) === S_IFREG) {
    // As Linux: or programs would take the file for a hole.
    attributes.blocks += Math.ceil(attributes.size / 512);
  }
  const atimeExtra = extra >= 16 ? le32(bytes, 0x8c) : 0;
  const ctimeExtra = extra >= 8 ? le32(bytes, 0x84) : 0;
  const mtimeExtra = extra >= 12 ? le32(bytes, 0x88) : 0;
  attributes.atime = seconds(le32(bytes, 0x08), atimeExtra);
  attributes.atimeNs = nanoseconds(atimeExtra);
  attributes.ctime = seconds(le32(bytes, 0x0c), ctimeExtra);
  attributes.ctimeNs = nanoseconds(ctimeExtra);
  attributes.mtime = seconds(le32(bytes, 0x10), mtimeExtra);
  attributes.mtimeNs = nanoseconds(mtimeExtra);
  attributes.rdevMajor = attributes.rdevMinor = 0;
  const type = mode & S_IFMT;
  if (type === S_IFBLK || type === S_IFCHR) decodeDevice(bytes, attributes);
}

/** Whether the stored checksum is right; true where the filesystem has none. */
export function inodeChecksumOk(
  bytes: Uint8Array,
  number: number,
  superblock: Superblock,
): boolean {
  if ((superblock.featureRoCompat & RoCompat.metadata_csum) === 0) return true;
  const copy = bytes.slice();
  const wide = extraSize(bytes) >= EXTRA_WITH_CHECKSUM;
  const stored = le16(bytes, 0x7c) + (wide ? le16(bytes, 0x82) * 0x10000 : 0);
  copy[0x7c] = copy[0x7d] = 0;
  if (wide) copy[0x82] = copy[0x83] = 0;
  const seed = crc32cLe32(crc32cLe32(superblock.checksumSeed, number), le32(bytes, 0x64));
  const crc = crc32c(seed, copy, 0, copy.length);
  return (wide ? crc : crc & 0xffff) === stored;
}

/** i_extra_isize where the inode has it and it makes sense, else 0. */
function extraSize(bytes: Uint8Array): number {
  if (bytes.length === GOOD_OLD_INODE_SIZE) return 0;
  const extra = le16(bytes, 0x80);
  return extra % 4 === 0 && GOOD_OLD_INODE_SIZE + extra <= bytes.length ? extra : 0;
}

function inodeSize(bytes: Uint8Array, number: number, superblock: Superblock): number {
  const low = le32(bytes, 0x04);
  const type = le16(bytes, 0) & S_IFMT;
  // The high word of a directory was i_dir_acl before large_dir, and other systems wrote it; in
  // other types it means nothing.
  const largeDirectory =
    type === S_IFDIR && (superblock.featureIncompat & Incompat.large_dir) !== 0;
  if (type !== S_IFREG && !largeDirectory) return low;
  const high = le32(bytes, 0x6c);
  if (high >= 2 ** 21)
    throw corrupt(FORMAT, `inode ${number}`, 0x6c, `size 0x${high.toString(16)} * 2^32`);
  return high * 2 ** 32 + low;
}

function inodeBlocks(bytes: Uint8Array, superblock: Superblock): number {
  const low = le32(bytes, 0x1c);
  if ((superblock.featureRoCompat & RoCompat.huge_file) === 0) return low;
  const blocks = low + le16(bytes, 0x74) * 2 ** 32;
  const inBlocks = (le32(bytes, 0x20) & InodeFlag.hugeFile) !== 0;
  return inBlocks ? Math.min(blocks * (superblock.blockSize / 512), 2 ** 53 - 1) : blocks;
}

/** The extra word's low two bits extend the signed 32-bit seconds to 34 bits. */
function seconds(low: number, extra: number): number {
  return (low | 0) + (extra & 3) * 2 ** 32;
}

function nanoseconds(extra: number): number {
  return Math.min(extra >>> 2, 999_999_999);
}

/** The old 16-bit encoding in the first word; where that is 0, the new 32-bit one in the second. */
function decodeDevice(bytes: Uint8Array, attributes: Attributes): void {
  const old = le32(bytes, I_BLOCK);
  if (old !== 0) {
    attributes.rdevMajor = (old >>> 8) & 0xff;
    attributes.rdevMinor = old & 0xff;
    return;
  }
  const device = le32(bytes, I_BLOCK + 4);
  attributes.rdevMajor = (device >>> 8) & 0xfff;
  attributes.rdevMinor = (device & 0xff) | ((device >>> 12) & 0xfff00);
}
