/**
 * The journal's structures (TN1150, "Journal"; Apple's hfs_format.h and hfs_journal.h). The info
 * block is big-endian, the rest in the byte order of the machine that wrote it.
 */
import { corrupt } from "../../errors.js";

export const JOURNAL_INFO_BYTES = 52;
/** Bits of JournalInfoBlock.flags. */
export const JournalFlags = { inFilesystem: 1, onOtherDevice: 2, needsInit: 4 } as const;

export interface JournalInfo {
  flags: number;
  /** In bytes, from the start of the volume. */
  offset: number;
  size: number;
}

export function decodeJournalInfo(bytes: Uint8Array): JournalInfo {
  const view = new DataView(bytes.buffer, bytes.byteOffset, JOURNAL_INFO_BYTES);
  return {
    flags: view.getUint32(0),
    offset: uint64(view, 36, false),
    size: uint64(view, 44, false),
  };
}

const JOURNAL_HEADER_MAGIC = 0x4a4e4c78;
/** Before Mac OS X 10.3: without checksum. */
const OLD_JOURNAL_HEADER_MAGIC = 0x4a484452;
const ENDIAN_MAGIC = 0x12345678;
export const JOURNAL_HEADER_BYTES = 44;

export interface JournalHeader {
  littleEndian: boolean;
  /** First and behind last byte of the transactions, from the start of the journal: a ring. */
  start: number;
  end: number;
  /** Of the journal, header included. */
  size: number;
  /** Of each block list header. */
  blhdrSize: number;
  /** Of this header; the unit of block numbers too. */
  jhdrSize: number;
}

/** Throws `corrupt` for what is no journal header or has another checksum. `offset`: for errors. */
export function decodeJournalHeader(bytes: Uint8Array, offset: number): JournalHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, JOURNAL_HEADER_BYTES);
  const littleEndian = view.getUint32(4, true) === ENDIAN_MAGIC;
  const magic = view.getUint32(0, littleEndian);
  if (
    (!littleEndian && view.getUint32(4) !== ENDIAN_MAGIC) ||
    (magic !== JOURNAL_HEADER_MAGIC && magic !== OLD_JOURNAL_HEADER_MAGIC)
  ) {
    throw corrupt("hfsplus", "journal header", offset, `magic 0x${magic.toString(16)}`);
  }
  const checksum = view.getUint32(36, littleEndian);
  const computed = journalChecksum(bytes, JOURNAL_HEADER_BYTES, 36);
  if (magic === JOURNAL_HEADER_MAGIC && checksum !== computed) {
    throw corrupt(
      "hfsplus",
      "journal header",
      offset,
      `checksum ${checksum} instead of ${computed}`,
    );
  }
  return {
    littleEndian,
    start: uint64(view, 8, littleEndian),
    end: uint64(view, 16, littleEndian),
    size: uint64(view, 24, littleEndian),
    blhdrSize: view.getUint32(32, littleEndian),
    jhdrSize: view.getUint32(40, littleEndian),
  };
}

const BLOCK_LIST_CHECKSUM_BYTES = 32;
const BLOCK_INFO_BYTES = 16;
/** A block of a transaction that was taken back. */
const KILLED_BLOCK = 0xffffffff;
/** Bit of a block list header's flags: each block carries a checksum. */
const BLHDR_CHECK_CHECKSUMS = 1;

export interface BlockList {
  /** Of the header and its blocks. */
  bytesUsed: number;
  /** Another list of the same transaction follows. */
  isContinued: boolean;
  blocks: BlockInfo[];
}

interface BlockInfo {
  /** Undefined for a block that was taken back. */
  bnum: number | undefined;
  /** In bytes. */
  bsize: number;
  /** Of the block's bytes, where the list has checksums. */
  checksum: number | undefined;
}

/** Throws `corrupt` for another checksum or more blocks than the header has room for. */
export function decodeBlockList(
  bytes: Uint8Array,
  littleEndian: boolean,
  offset: number,
): BlockList {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const numBlocks = view.getUint16(2, littleEndian);
  const checksum = view.getUint32(8, littleEndian);
  const checked = (view.getUint32(12, littleEndian) & BLHDR_CHECK_CHECKSUMS) !== 0;
  const computed = journalChecksum(bytes, BLOCK_LIST_CHECKSUM_BYTES, 8);
  if (checksum !== computed) {
    throw corrupt(
      "hfsplus",
      "journal block list",
      offset,
      `checksum ${checksum} instead of ${computed}`,
    );
  }
  // The first block info is no block's: it tells whether the transaction goes on.
  if (numBlocks < 1 || BLOCK_INFO_BYTES * (numBlocks + 1) > bytes.length) {
    throw corrupt("hfsplus", "journal block list", offset, `${numBlocks} blocks`);
  }
  const blocks: BlockInfo[] = [];
  for (let i = 1; i < numBlocks; i++) {
    const at = BLOCK_INFO_BYTES * (i + 1);
    const killed = view.getUint32(at) === KILLED_BLOCK && view.getUint32(at + 4) === KILLED_BLOCK;
    blocks.push({
      bnum: killed ? undefined : uint64(view, at, littleEndian),
      bsize: view.getUint32(at + 8, littleEndian),
      checksum: checked ? view.getUint32(at + 12, littleEndian) : undefined,
    });
  }
  return {
    bytesUsed: view.getUint32(4, littleEndian),
    isContinued: view.getUint32(BLOCK_INFO_BYTES + 12, littleEndian) !== 0,
    blocks,
  };
}

/** Apple's calc_checksum over `length` bytes, the four at `fieldAt` counting as zero (-1: none do). */
export function journalChecksum(bytes: Uint8Array, length: number, fieldAt: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) {
    const byte = fieldAt >= 0 && i >= fieldAt && i < fieldAt + 4 ? 0 : bytes[i];
    sum = (sum << 8) ^ (sum + byte);
  }
  return ~sum >>> 0;
}

/** Throws `corrupt` for a value beyond 2^53. */
function uint64(view: DataView, at: number, littleEndian: boolean): number {
  const high = view.getUint32(littleEndian ? at + 4 : at, littleEndian);
  const low = view.getUint32(littleEndian ? at : at + 4, littleEndian);
  if (high >= 2 ** 21)
    throw corrupt("hfsplus", "journal", at, `value 0x${high.toString(16)}00000000`);
  return high * 2 ** 32 + low;
}
