/**
 * Recovery of an unclean journal, without writing: which block of the filesystem has its newest
 * committed contents where in the journal.
 *
 * Linux `Documentation/filesystems/ext4/journal.rst`. Three passes over the log: how far it was
 * committed, what was revoked, what is to be replayed. Fast commits are not applied.
 */
import { corrupt, ImageError } from "../../errors.js";
import type { BlockReader } from "./block-reader.js";
import { crc32c } from "./crc32c.js";
import {
  BLOCK_TAIL_SIZE,
  BlockType,
  COMMIT_CHECKSUM_OFFSET,
  decodeFastCommitHead,
  decodeHeader,
  decodeJournalSuperblock,
  decodeRevocations,
  decodeTags,
  JBD2_MAGIC_NUMBER,
  JournalIncompat,
  type JournalSuperblock,
} from "./journal-structs.js";
import type { JournaledBlock } from "./overlay-source.js";
import { FORMAT } from "./superblock.js";

/** Blocks that one replay may change, and revocations it may hold: some 100 bytes of memory each. */
const MAX_BLOCKS = 600_000;

export interface Replay {
  /** By block of the filesystem. */
  blocks: Map<number, JournaledBlock>;
  warnings: string[];
}

/** The journal as an array of blocks. */
export interface JournalFile {
  /** In blocks. */
  length: number;
  /** Block of the filesystem that holds the journal's block `index`. */
  physical(index: number): number;
}

/** Throws `corrupt` for a journal that is none, `unsupported` and `limit` for what is not replayed. */
export function replayJournal(file: JournalFile, reader: BlockReader, blocksCount: number): Replay {
  return new Recovery(file, reader, blocksCount).run();
}

class Recovery {
  private readonly warnings: string[] = [];
  private readonly superblock: JournalSuperblock;
  /** One behind the last block of the log. */
  private readonly last: number;
  /** What checksums begin with; undefined where the journal has none. */
  private readonly seed: number | undefined;
  /** Newest transaction that revoked a block. */
  private readonly revoked = new Map<number, number>();

  constructor(
    private readonly file: JournalFile,
    private readonly reader: BlockReader,
    private readonly blocksCount: number,
  ) {
    if (file.length === 0) throw corrupt(FORMAT, "journal", 0, "is empty");
    this.superblock = decodeJournalSuperblock(this.block(0));
    this.checkSuperblock();
    const { maxLen, fastCommitBlocks, featureIncompat, uuid } = this.superblock;
    this.last = maxLen - fastCommitBlocks;
    const checksums = JournalIncompat.checksumV2 | JournalIncompat.checksumV3;
    if ((featureIncompat & checksums) !== 0) this.seed = crc32c(0xffffffff, uuid, 0, 16);
  }

  run(): Replay {
    const blocks = new Map<number, JournaledBlock>();
    if (this.superblock.start !== 0) {
      const end = this.walk(() => undefined);
      this.walk((type, bytes, sequence) => {
        if (type === BlockType.revoke) this.revoke(bytes, sequence);
      }, end);
      this.walk((type, bytes, sequence, index) => {
        if (type === BlockType.descriptor) this.collect(bytes, sequence, index, blocks);
      }, end);
      this.noticeFastCommits(end);
    }
    return { blocks, warnings: this.warnings };
  }

  /**
   * Visits the log's blocks in order, and returns the first transaction that was not committed.
   * `end`: stop before that transaction.
   */
  private walk(
    visit: (type: number, bytes: Uint8Array, sequence: number, index: number) => void,
    end?: number,
  ): number {
    const length = this.last - this.superblock.first;
    let sequence = this.superblock.firstSequence;
    let index = this.superblock.start;
    for (let seen = 0; seen < length && sequence !== end; ) {
      const bytes = this.block(index);
      const header = decodeHeader(bytes);
      let follow = 0;
      if (header.magic !== JBD2_MAGIC_NUMBER || header.sequence !== sequence) break;
      if (header.blockType === BlockType.commit) {
        if (!this.checksumOk(bytes, COMMIT_CHECKSUM_OFFSET)) {
          if (end === undefined)
            this.warn(
              `transaction ${sequence} has a wrong checksum; it and what follows is left out`,
            );
          break;
        }
        sequence = (sequence + 1) >>> 0;
      } else if (
        header.blockType === BlockType.descriptor ||
        header.blockType === BlockType.revoke
      ) {
        if (!this.checksumOk(bytes, bytes.length - BLOCK_TAIL_SIZE)) {
          if (end === undefined)
            this.warn(
              `a block of transaction ${sequence} has a wrong checksum; the transaction and what follows is left out`,
            );
          break;
        }
        if (header.blockType === BlockType.descriptor) {
          follow = decodeTags(bytes, this.superblock.featureIncompat).length;
        }
        // Last: a visit reads other blocks, and `bytes` may be gone then.
        visit(header.blockType, bytes, sequence, index);
      } else break;
      index = this.behind(index, 1 + follow);
      seen += 1 + follow;
    }
    return sequence;
  }

  private revoke(bytes: Uint8Array, sequence: number): void {
    for (const block of decodeRevocations(bytes, this.superblock.featureIncompat)) {
      this.revoked.set(block, sequence);
      if (this.revoked.size > MAX_BLOCKS) throw this.tooMuch();
    }
  }

  private collect(
    bytes: Uint8Array,
    sequence: number,
    index: number,
    blocks: Map<number, JournaledBlock>,
  ): void {
    let data = index;
    for (const tag of decodeTags(bytes, this.superblock.featureIncompat)) {
      data = this.behind(data, 1);
      const revoked = this.revoked.get(tag.block);
      // Revoked in this transaction or later: the block was freed, and may hold a file's data since.
      if (revoked !== undefined && !before(revoked, sequence)) continue;
      if (tag.block >= this.blocksCount) {
        this.warn(`block ${tag.block} of ${this.blocksCount} is left out`);
        continue;
      }
      if (!this.dataChecksumOk(this.block(data), tag.checksum, sequence)) {
        this.warn(`the copy of block ${tag.block} has a wrong checksum and is left out`);
        continue;
      }
      blocks.set(tag.block, { copy: this.physical(data), escaped: tag.escaped });
      if (blocks.size > MAX_BLOCKS) throw this.tooMuch();
    }
  }

  private noticeFastCommits(end: number): void {
    if (this.superblock.fastCommitBlocks < 2) return;
    // Their area begins one behind the log's end: that block is left unused.
    if (decodeFastCommitHead(this.block(this.last + 1)) === end) {
      this.warn(
        "fast commits after the last full one are not applied: the newest changes are missing",
      );
    }
  }

  private checkSuperblock(): void {
    const { magic, blockType, blockSize, maxLen, first, start, fastCommitBlocks, featureIncompat } =
      this.superblock;
    const wrong = (problem: string) =>
      corrupt(FORMAT, "journal superblock", this.physical(0) * this.reader.blockSize, problem);
    if (magic !== JBD2_MAGIC_NUMBER)
      throw wrong(`magic is 0x${magic.toString(16)}, not 0xc03b3998`);
    if (blockType !== BlockType.superblockV1 && blockType !== BlockType.superblockV2) {
      throw wrong(`block type ${blockType}`);
    }
    if (blockSize !== this.reader.blockSize) {
      throw wrong(`blocks of ${blockSize} in a filesystem with blocks of ${this.reader.blockSize}`);
    }
    if (maxLen > this.file.length || first === 0 || first + fastCommitBlocks >= maxLen) {
      throw wrong(`log from ${first} to ${maxLen} in ${this.file.length} blocks`);
    }
    if (start !== 0 && (start < first || start >= maxLen - fastCommitBlocks)) {
      throw wrong(`log begins at ${start}, outside ${first} to ${maxLen}`);
    }
    const known = Object.values(JournalIncompat).reduce((all: number, bit) => all | bit, 0);
    if ((featureIncompat & ~known) !== 0) {
      throw new ImageError(
        "unsupported",
        FORMAT,
        `journal feature 0x${(featureIncompat & ~known).toString(16)} is not read`,
      );
    }
  }

  /** The checksum is over the whole block with its own field as zeros. */
  private checksumOk(bytes: Uint8Array, field: number): boolean {
    if (this.seed === undefined) return true;
    const copy = bytes.slice();
    copy.fill(0, field, field + 4);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return crc32c(this.seed, copy, 0, copy.length) === view.getUint32(field, false);
  }

  private dataChecksumOk(bytes: Uint8Array, stored: number, sequence: number): boolean {
    if (this.seed === undefined) return true;
    const number = Uint8Array.of(sequence >>> 24, sequence >>> 16, sequence >>> 8, sequence);
    const crc = crc32c(crc32c(this.seed, number, 0, 4), bytes, 0, bytes.length);
    const v3 = (this.superblock.featureIncompat & JournalIncompat.checksumV3) !== 0;
    return (v3 ? crc : crc & 0xffff) === stored;
  }

  /** The log is a ring from `first` to `last`. */
  private behind(index: number, count: number): number {
    const { first } = this.superblock;
    const length = this.last - first;
    return first + ((index - first + count) % length);
  }

  private block(index: number): Uint8Array {
    return this.reader.block(this.physical(index), "journal");
  }

  private physical(index: number): number {
    return this.file.physical(index);
  }

  private warn(problem: string): void {
    if (this.warnings.length < 20) this.warnings.push(`journal: ${problem}`);
  }

  private tooMuch(): ImageError {
    return new ImageError("limit", FORMAT, `journal: more than ${MAX_BLOCKS} blocks to replay`);
  }
}

/** Transaction numbers wrap at 2^32. */
function before(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}
