/**
 * jbd2's structures on disk, big-endian.
 *
 * Linux `Documentation/filesystems/ext4/journal.rst`.
 */

export const JBD2_MAGIC_NUMBER = 0xc03b3998;

export const BlockType = {
  descriptor: 1,
  commit: 2,
  superblockV1: 3,
  superblockV2: 4,
  revoke: 5,
} as const;

export const JournalIncompat = {
  revoke: 0x1,
  "64bit": 0x2,
  asyncCommit: 0x4,
  checksumV2: 0x8,
  checksumV3: 0x10,
  fastCommit: 0x20,
} as const;

const TAG_FLAG_ESCAPE = 1;
const TAG_FLAG_SAME_UUID = 2;
const TAG_FLAG_LAST_TAG = 8;

/** Where jbd2_journal_block_tail's checksum is in descriptor and revoke blocks: at the end. */
export const BLOCK_TAIL_SIZE = 4;
/** h_chksum[0] of a commit block. */
export const COMMIT_CHECKSUM_OFFSET = 0x10;
const HEADER_SIZE = 12;
const REVOKE_HEADER_SIZE = 16;

export interface JournalHeader {
  magic: number;
  blockType: number;
  sequence: number;
}

export function decodeHeader(bytes: Uint8Array): JournalHeader {
  const view = viewOf(bytes);
  return {
    magic: view.getUint32(0, false),
    blockType: view.getUint32(4, false),
    sequence: view.getUint32(8, false),
  };
}

export interface JournalSuperblock extends JournalHeader {
  blockSize: number;
  /** Blocks in the whole journal. */
  maxLen: number;
  /** First block of the log. */
  first: number;
  /** First transaction expected in it. */
  firstSequence: number;
  /** Block where the log begins; 0: the journal is empty. */
  start: number;
  featureCompat: number;
  featureIncompat: number;
  uuid: Uint8Array;
  /** Blocks at the journal's end kept for fast commits. */
  fastCommitBlocks: number;
}

/** Version 1 ends before the features: they are 0 then. */
export function decodeJournalSuperblock(bytes: Uint8Array): JournalSuperblock {
  const view = viewOf(bytes);
  const header = decodeHeader(bytes);
  const v2 = header.blockType === BlockType.superblockV2;
  const featureIncompat = v2 ? view.getUint32(0x28, false) : 0;
  const stated = view.getUint32(0x54, false);
  return {
    ...header,
    blockSize: view.getUint32(0x0c, false),
    maxLen: view.getUint32(0x10, false),
    first: view.getUint32(0x14, false),
    firstSequence: view.getUint32(0x18, false),
    start: view.getUint32(0x1c, false),
    featureCompat: v2 ? view.getUint32(0x24, false) : 0,
    featureIncompat,
    uuid: bytes.slice(0x30, 0x40),
    // 0 stands for the default of 256.
    fastCommitBlocks: (featureIncompat & JournalIncompat.fastCommit) !== 0 ? stated || 256 : 0,
  };
}

export interface BlockTag {
  /** Block of the filesystem that the data block belongs to. */
  block: number;
  escaped: boolean;
  /** All of CRC-32C under checksum v3, its low half under v2. */
  checksum: number;
}

/** The tags of a descriptor block: one for each data block that follows it. */
export function decodeTags(bytes: Uint8Array, featureIncompat: number): BlockTag[] {
  const view = viewOf(bytes);
  const v3 = (featureIncompat & JournalIncompat.checksumV3) !== 0;
  const v2 = (featureIncompat & JournalIncompat.checksumV2) !== 0;
  const is64bit = (featureIncompat & JournalIncompat["64bit"]) !== 0;
  const tagSize = v3 ? 16 : 8 + (is64bit ? 4 : 0) + (v2 ? 2 : 0);
  const end = bytes.length - (v2 || v3 ? BLOCK_TAIL_SIZE : 0);
  const tags: BlockTag[] = [];
  for (let tag = HEADER_SIZE; tag + tagSize <= end; ) {
    const flags = v3 ? view.getUint32(tag + 4, false) : view.getUint16(tag + 6, false);
    const high = is64bit ? view.getUint32(tag + 8, false) : 0;
    tags.push({
      block: view.getUint32(tag, false) + high * 2 ** 32,
      escaped: (flags & TAG_FLAG_ESCAPE) !== 0,
      checksum: v3 ? view.getUint32(tag + 12, false) : view.getUint16(tag + 4, false),
    });
    tag += tagSize + ((flags & TAG_FLAG_SAME_UUID) !== 0 ? 0 : 16);
    if ((flags & TAG_FLAG_LAST_TAG) !== 0) break;
  }
  return tags;
}

/** The block numbers in a revoke block. */
export function decodeRevocations(bytes: Uint8Array, featureIncompat: number): number[] {
  const view = viewOf(bytes);
  const is64bit = (featureIncompat & JournalIncompat["64bit"]) !== 0;
  const size = is64bit ? 8 : 4;
  // r_count: bytes used in the block, the header included.
  const end = Math.min(view.getUint32(0x0c, false), bytes.length);
  const blocks: number[] = [];
  for (let at = REVOKE_HEADER_SIZE; at + size <= end; at += size) {
    const first = view.getUint32(at, false);
    blocks.push(is64bit ? first * 2 ** 32 + view.getUint32(at + 4, false) : first);
  }
  return blocks;
}

const FC_TAG_HEAD = 9;

/** The transaction that a fast commit area begins to extend; undefined where it holds none. */
export function decodeFastCommitHead(bytes: Uint8Array): number | undefined {
  const view = viewOf(bytes);
  return view.getUint16(0, true) === FC_TAG_HEAD ? view.getUint32(8, true) : undefined;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
