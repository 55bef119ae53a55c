/**
 * Block group descriptors: where each group's inode table begins.
 *
 * Linux `Documentation/filesystems/ext4/group_descr.rst`, and `blockgroup.rst` for where meta_bg
 * puts them. Read on demand: a large filesystem has megabytes of them.
 */
import { corrupt } from "../../errors.js";
import type { BlockReader } from "./block-reader.js";
import { crc16, crc32c, crc32cLe32 } from "./crc32c.js";
import { Compat, Incompat, RoCompat } from "./features.js";
import { le32 } from "./little-endian.js";
import { FORMAT, type Superblock } from "./superblock.js";

/** Checked at open; beyond that many groups a bad descriptor shows when it is used. */
const CHECKED_GROUPS = 16384;

export class GroupDescriptors {
  private readonly perBlock: number;

  constructor(
    private readonly superblock: Superblock,
    private readonly blocks: BlockReader,
    /** The block that the superblock in use lies in: its descriptors follow. */
    private readonly superblockBlock: number,
  ) {
    this.perBlock = superblock.blockSize / superblock.descriptorSize;
  }

  /** First block of the group's inode table. */
  inodeTable(group: number): number {
    const bytes = this.blocks.block(this.descriptorBlock(group), "group descriptors");
    const offset = (group % this.perBlock) * this.superblock.descriptorSize;
    let table = le32(bytes, offset + 8);
    if (this.superblock.descriptorSize >= 64) table += le32(bytes, offset + 0x28) * 2 ** 32;
    if (table === 0 || table >= this.superblock.blocksCount) {
      throw corrupt(
        FORMAT,
        `descriptor of group ${group}`,
        this.descriptorBlock(group) * this.superblock.blockSize + offset,
        `inode table at block ${table} of ${this.superblock.blocksCount}`,
      );
    }
    return table;
  }

  /** One warning for all descriptors whose checksum is wrong. */
  checksumWarning(): string | undefined {
    const { featureRoCompat, groupCount } = this.superblock;
    if ((featureRoCompat & (RoCompat.metadata_csum | RoCompat.uninit_bg)) === 0) return undefined;
    const bad: number[] = [];
    const checked = Math.min(groupCount, CHECKED_GROUPS);
    for (let group = 0; group < checked; group++) if (!this.checksumOk(group)) bad.push(group);
    if (bad.length === 0) return undefined;
    return `${bad.length} of ${checked} group descriptors have a wrong checksum, the first of group ${bad[0]}`;
  }

  private checksumOk(group: number): boolean {
    const { descriptorSize, checksumSeed, featureRoCompat, uuid } = this.superblock;
    const bytes = this.blocks.block(this.descriptorBlock(group), "group descriptors");
    const start = (group % this.perBlock) * descriptorSize;
    const stored = bytes[start + 0x1e] | (bytes[start + 0x1f] << 8);
    const copy = bytes.slice(start, start + descriptorSize);
    if ((featureRoCompat & RoCompat.metadata_csum) !== 0) {
      copy[0x1e] = copy[0x1f] = 0;
      const crc = crc32c(crc32cLe32(checksumSeed, group), copy, 0, copy.length);
      return (crc & 0xffff) === stored;
    }
    const number = Uint8Array.of(group, group >>> 8, group >>> 16, group >>> 24);
    let crc = crc16(crc16(0xffff, uuid, 0, 16), number, 0, 4);
    crc = crc16(crc, copy, 0, 0x1e);
    return crc16(crc, copy, 0x20, copy.length) === stored;
  }

  private descriptorBlock(group: number): number {
    const { featureIncompat, firstMetaBlockGroup, firstDataBlock, blockSize, blocksPerGroup } =
      this.superblock;
    const index = Math.floor(group / this.perBlock);
    if ((featureIncompat & Incompat.meta_bg) === 0 || index < firstMetaBlockGroup) {
      return this.superblockBlock + 1 + index;
    }
    const first = index * this.perBlock;
    let skip = this.hasSuperblock(first) ? 1 : 0;
    // With 1 KiB blocks and clusters (first data block 0), block 0 is the boot block's.
    if (blockSize === 1024 && index === 0 && firstDataBlock === 0) skip++;
    return firstDataBlock + first * blocksPerGroup + skip;
  }

  private hasSuperblock(group: number): boolean {
    if (group === 0) return true;
    if ((this.superblock.featureCompat & Compat.sparse_super2) !== 0) {
      return this.superblock.backupGroups.includes(group);
    }
    if ((this.superblock.featureRoCompat & RoCompat.sparse_super) === 0) return true;
    return group === 1 || isPower(group, 3) || isPower(group, 5) || isPower(group, 7);
  }
}

function isPower(value: number, base: number): boolean {
  let power = base;
  while (power < value) power *= base;
  return power === value;
}
