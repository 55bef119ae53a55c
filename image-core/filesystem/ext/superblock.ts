/**
 * The ext2/ext3/ext4 superblock: 1024 bytes, little-endian, at byte 1024 and in backup groups.
 *
 * Linux `Documentation/filesystems/ext4/globals.rst`, "Super Block".
 */
import { corrupt, unsupported } from "../../errors.js";
import { crc32c } from "./crc32c.js";
import { Incompat, RoCompat, unknownIncompat } from "./features.js";

export const FORMAT = "ext";
export const SUPERBLOCK_POSITION = 1024;
export const SUPERBLOCK_SIZE = 1024;
const EXT4_SUPER_MAGIC = 0xef53;

/** s_state: set while nothing has it mounted for writing and no error was recorded. */
const EXT4_VALID_FS = 1;
const EXT4_ERROR_FS = 2;
/** s_flags: how the maker's `char` was signed, which decides directory hashes. */
const EXT2_FLAGS_UNSIGNED_HASH = 2;

export interface Superblock {
  inodesCount: number;
  blocksCount: number;
  freeBlocksCount: number;
  firstDataBlock: number;
  blockSize: number;
  /** Equal to `blockSize` without bigalloc. */
  clusterSize: number;
  blocksPerGroup: number;
  inodesPerGroup: number;
  groupCount: number;
  state: number;
  revision: number;
  inodeSize: number;
  /** The group this copy lies in: 0 for the primary. */
  blockGroupNumber: number;
  featureCompat: number;
  featureIncompat: number;
  featureRoCompat: number;
  uuid: Uint8Array;
  volumeName: Uint8Array;
  journalInode: number;
  journalDevice: number;
  hashSeed: [number, number, number, number];
  /** s_def_hash_version. */
  defaultHashVersion: number;
  unsignedHash: boolean;
  /** The journal inode's i_block and size words, kept here in case that inode is lost; see `journalBackup`. */
  journalBackup: Uint8Array | undefined;
  descriptorSize: number;
  firstMetaBlockGroup: number;
  /** The two groups that hold a copy under sparse_super2. */
  backupGroups: [number, number];
  /** Seconds since 1970; 0 where unknown. */
  makeTime: number;
  /** What every metadata checksum starts from. */
  checksumSeed: number;
  checksumOk: boolean;
}

/** Whether these 1024 bytes could be a superblock at all: what the probe and the search for backups ask. */
export function plausibleSuperblock(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < SUPERBLOCK_SIZE || view.getUint16(0x38, true) !== EXT4_SUPER_MAGIC) {
    return false;
  }
  const blocks = view.getUint32(0x04, true) + view.getUint32(0x150, true) * 2 ** 32;
  return (
    view.getUint32(0x18, true) <= 6 &&
    view.getUint32(0x00, true) > 0 &&
    blocks > view.getUint32(0x14, true) &&
    view.getUint32(0x20, true) > 0 &&
    view.getUint32(0x28, true) > 0 &&
    view.getUint32(0x4c, true) <= 1
  );
}

/** Throws `corrupt` for geometry that contradicts itself and `unsupported` for features that are not read. */
export function decodeSuperblock(bytes: Uint8Array, position: number): Superblock {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const wrong = (problem: string) => corrupt(FORMAT, "superblock", position, problem);
  const magic = view.getUint16(0x38, true);
  if (magic !== EXT4_SUPER_MAGIC) throw wrong(`magic is 0x${magic.toString(16)}, not 0xef53`);

  const revision = view.getUint32(0x4c, true);
  if (revision > 1) throw unsupported(FORMAT, `revision ${revision}; 0 and 1 are known`);
  const featureIncompat = view.getUint32(0x60, true);
  const featureRoCompat = view.getUint32(0x64, true);
  refuseUnknown(featureIncompat);

  const logBlockSize = view.getUint32(0x18, true);
  if (logBlockSize > 6) throw wrong(`block size is 1 KiB * 2^${logBlockSize}; 64 KiB is the most`);
  const blockSize = 1024 << logBlockSize;
  const logClusterSize = view.getUint32(0x1c, true);
  const bigalloc = (featureRoCompat & RoCompat.bigalloc) !== 0;
  if (bigalloc && (logClusterSize < logBlockSize || logClusterSize > 19)) {
    throw wrong(`cluster size is 1 KiB * 2^${logClusterSize} with blocks of ${blockSize}`);
  }
  const is64bit = (featureIncompat & Incompat["64bit"]) !== 0;
  const high = (offset: number) => (is64bit ? view.getUint32(offset, true) * 2 ** 32 : 0);
  const blocksCount = view.getUint32(0x04, true) + high(0x150);
  if (!Number.isSafeInteger(blocksCount * blockSize)) {
    throw wrong(`${blocksCount} blocks of ${blockSize} bytes are more than 2^53 bytes`);
  }
  const firstDataBlock = view.getUint32(0x14, true);
  const blocksPerGroup = view.getUint32(0x20, true);
  const inodesPerGroup = view.getUint32(0x28, true);
  const inodesCount = view.getUint32(0x00, true);
  if (firstDataBlock >= blocksCount) {
    throw wrong(`first data block ${firstDataBlock} of ${blocksCount} blocks`);
  }
  if (blocksPerGroup === 0 || inodesPerGroup === 0 || inodesPerGroup > blockSize * 8) {
    throw wrong(`${blocksPerGroup} blocks and ${inodesPerGroup} inodes per group`);
  }
  const groupCount = Math.ceil((blocksCount - firstDataBlock) / blocksPerGroup);
  if (inodesCount < 2 || inodesCount > groupCount * inodesPerGroup) {
    throw wrong(`${inodesCount} inodes in ${groupCount} groups of ${inodesPerGroup}`);
  }
  const inodeSize = revision === 0 ? 128 : view.getUint16(0x58, true);
  if (inodeSize < 128 || inodeSize > blockSize || (inodeSize & (inodeSize - 1)) !== 0) {
    throw wrong(`inode size ${inodeSize} with blocks of ${blockSize}`);
  }
  const storedDescriptorSize = view.getUint16(0xfe, true);
  const descriptorSize = is64bit ? storedDescriptorSize : 32;
  if (
    is64bit &&
    (descriptorSize < 64 || descriptorSize > 1024 || (descriptorSize & (descriptorSize - 1)) !== 0)
  ) {
    throw wrong(`group descriptor size ${descriptorSize}`);
  }
  const uuid = bytes.slice(0x68, 0x78);
  const checksummed = (featureRoCompat & RoCompat.metadata_csum) !== 0;
  const ownSeed = (featureIncompat & Incompat.metadata_csum_seed) !== 0;
  return {
    inodesCount,
    blocksCount,
    freeBlocksCount: view.getUint32(0x0c, true) + high(0x158),
    firstDataBlock,
    blockSize,
    clusterSize: bigalloc ? 1024 * 2 ** logClusterSize : blockSize,
    blocksPerGroup,
    inodesPerGroup,
    groupCount,
    state: view.getUint16(0x3a, true),
    revision,
    inodeSize,
    blockGroupNumber: revision === 0 ? 0 : view.getUint16(0x5a, true),
    featureCompat: view.getUint32(0x5c, true),
    featureIncompat,
    featureRoCompat,
    uuid,
    volumeName: bytes.slice(0x78, 0x88),
    journalInode: view.getUint32(0xe0, true),
    journalDevice: view.getUint32(0xe4, true),
    hashSeed: [
      view.getUint32(0xec, true),
      view.getUint32(0xf0, true),
      view.getUint32(0xf4, true),
      view.getUint32(0xf8, true),
    ],
    defaultHashVersion: bytes[0xfc],
    unsignedHash: (view.getUint32(0x160, true) & EXT2_FLAGS_UNSIGNED_HASH) !== 0,
    journalBackup: bytes[0xfd] === 1 ? bytes.slice(0x10c, 0x150) : undefined,
    descriptorSize,
    firstMetaBlockGroup: view.getUint32(0x104, true),
    backupGroups: [view.getUint32(0x24c, true), view.getUint32(0x250, true)],
    makeTime: view.getUint32(0x108, true),
    checksumSeed: ownSeed ? view.getUint32(0x270, true) : crc32c(0xffffffff, uuid, 0, 16),
    checksumOk: !checksummed || crc32c(0xffffffff, bytes, 0, 0x3fc) === view.getUint32(0x3fc, true),
  };
}

/** What the state word admits about the filesystem's last use; undefined when it was left clean. */
export function stateProblem(superblock: Superblock): string | undefined {
  if ((superblock.state & EXT4_ERROR_FS) !== 0)
    return "errors were recorded in it by its last user";
  if ((superblock.state & EXT4_VALID_FS) === 0) return "it was not unmounted cleanly";
  return undefined;
}

function refuseUnknown(featureIncompat: number): void {
  if ((featureIncompat & Incompat.journal_dev) !== 0) {
    throw unsupported(
      FORMAT,
      "this is the external journal of another filesystem, not a filesystem",
    );
  }
  const unknown = unknownIncompat(featureIncompat);
  if (unknown.length > 0) {
    throw unsupported(FORMAT, `feature ${unknown.join(", ")} is not read`);
  }
}
