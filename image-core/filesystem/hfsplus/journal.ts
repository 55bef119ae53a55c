/**
 * Replays a journal in memory: the blocks of every complete transaction are shown in their places
 * (TN1150, "Journal"). Nothing is copied, so a journal takes 16 bytes of memory a sector or so.
 */
import { corrupt, ImageError } from "../../errors.js";
import type { ByteSource } from "../../source/byte-source.js";
import { readExactly } from "../../source/read-exactly.js";
import {
  type BlockList,
  decodeBlockList,
  decodeJournalHeader,
  decodeJournalInfo,
  JOURNAL_HEADER_BYTES,
  JOURNAL_INFO_BYTES,
  JournalFlags,
  type JournalHeader,
  journalChecksum,
} from "./journal-structs.js";
import { OverlaySource, SECTOR_BYTES } from "./overlay-source.js";
import { VolumeAttributes, type VolumeHeader } from "./volume-header.js";

/** 512 MiB of blocks: no journal that macOS makes is larger. */
const MAX_REPLAYED_SECTORS = 1 << 20;
/** macOS makes block list headers of 4 to 16 KiB. */
const MAX_BLHDR_BYTES = 1 << 20;

export interface Replay {
  /** The device with the journal's blocks in their places; the device itself where there are none. */
  source: ByteSource;
  /** Complete transactions that the volume did not have yet. */
  transactions: number;
  warnings: string[];
}

/** `volumeStart`: of the HFS+ volume within `device`, which block numbers count from. */
export function replayJournal(
  device: ByteSource,
  volumeStart: number,
  header: VolumeHeader,
): Replay {
  const replay: Replay = { source: device, transactions: 0, warnings: [] };
  if ((header.attributes & VolumeAttributes.journaled) === 0) return replay;
  try {
    const infoStart = volumeStart + header.journalInfoBlock * header.blockSize;
    const info = decodeJournalInfo(
      readExactly(device, infoStart, JOURNAL_INFO_BYTES, "hfsplus", "journal info block"),
    );
    if ((info.flags & JournalFlags.needsInit) !== 0) return replay;
    if ((info.flags & JournalFlags.inFilesystem) === 0) {
      replay.warnings.push("the journal is on another device and was not replayed");
      return replay;
    }
    const journal = new Journal(device, volumeStart + info.offset, info.size);
    journal.replay(replay.warnings);
    replay.transactions = journal.transactions;
    if (journal.sectors.size > 0) replay.source = new OverlaySource(device, journal.sectors);
  } catch (error) {
    // A volume without its journal is better than none: what it lacks was not written out in time.
    if (!(error instanceof ImageError)) throw error;
    replay.warnings.push(`the journal was not replayed: ${error.message}`);
  }
  return replay;
}

class Journal {
  /** Sector of the device to the byte of the device that holds its contents. */
  readonly sectors = new Map<number, number>();
  transactions = 0;
  private readonly header: JournalHeader;

  constructor(
    private readonly device: ByteSource,
    private readonly start: number,
    size: number,
  ) {
    const bytes = readExactly(device, start, JOURNAL_HEADER_BYTES, "hfsplus", "journal header");
    this.header = decodeJournalHeader(bytes, start);
    const { header } = this;
    const ring = header.size - header.jhdrSize;
    if (
      header.size > size ||
      start + header.size > device.size ||
      header.jhdrSize < SECTOR_BYTES ||
      header.jhdrSize % SECTOR_BYTES !== 0 ||
      header.blhdrSize < 2 * 16 ||
      header.blhdrSize > Math.min(ring, MAX_BLHDR_BYTES) ||
      !this.isInRing(header.start) ||
      !this.isInRing(header.end)
    ) {
      throw corrupt(
        "hfsplus",
        "journal header",
        start,
        `transactions at ${header.start} to ${header.end} of ${header.size}, header ${header.jhdrSize}, block list header ${header.blhdrSize}, ${size} bytes of journal`,
      );
    }
  }

  /** A transaction that is damaged ends the replay: it and what follows was never complete. */
  replay(warnings: string[]): void {
    const { header } = this;
    let position = header.start;
    let behind = this.distance(header.start, header.end);
    let pending = new Map<number, number>();
    while (behind > 0) {
      let list: BlockList;
      try {
        list = this.blockList(position, behind);
        this.gather(list, position, pending);
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
        warnings.push(`the journal was replayed in part: ${error.message}`);
        return;
      }
      if (!list.isContinued) {
        for (const [sector, where] of pending) this.sectors.set(sector, where);
        pending = new Map();
        this.transactions++;
      }
      position = this.advance(position, list.bytesUsed);
      behind -= list.bytesUsed;
    }
  }

  private blockList(position: number, behind: number): BlockList {
    const { blhdrSize, littleEndian } = this.header;
    const bytes = this.readRing(position, blhdrSize);
    const list = decodeBlockList(bytes, littleEndian, this.start + position);
    let used = blhdrSize;
    for (const block of list.blocks) used += block.bsize;
    if (list.bytesUsed < used || list.bytesUsed > behind) {
      throw corrupt(
        "hfsplus",
        "journal block list",
        this.start + position,
        `uses ${list.bytesUsed} bytes, its blocks take ${used}, ${behind} are left`,
      );
    }
    return list;
  }

  private gather(list: BlockList, position: number, pending: Map<number, number>): void {
    const { blhdrSize, jhdrSize } = this.header;
    let from = this.advance(position, blhdrSize);
    for (const { bnum, bsize, checksum } of list.blocks) {
      if (bnum !== undefined) {
        const home = bnum * jhdrSize;
        if (bsize % SECTOR_BYTES !== 0 || home + bsize > this.device.size) {
          throw corrupt(
            "hfsplus",
            "journal block",
            this.start + from,
            `${bsize} bytes for ${home}`,
          );
        }
        if (
          checksum !== undefined &&
          journalChecksum(this.readRing(from, bsize), bsize, -1) !== checksum
        ) {
          throw corrupt("hfsplus", "journal block", this.start + from, "has another checksum");
        }
        if (pending.size + this.sectors.size + bsize / SECTOR_BYTES > MAX_REPLAYED_SECTORS) {
          throw new ImageError("limit", "hfsplus", "the journal holds more than 512 MiB of blocks");
        }
        for (let done = 0; done < bsize; done += SECTOR_BYTES) {
          pending.set((home + done) / SECTOR_BYTES, this.start + this.advance(from, done));
        }
      }
      from = this.advance(from, bsize);
    }
  }

  private readRing(position: number, length: number): Uint8Array {
    const first = Math.min(length, this.header.size - position);
    const head = readExactly(this.device, this.start + position, first, "hfsplus", "journal");
    if (first === length) return head;
    const bytes = new Uint8Array(length);
    bytes.set(head);
    const rest = this.start + this.header.jhdrSize;
    bytes.set(readExactly(this.device, rest, length - first, "hfsplus", "journal"), first);
    return bytes;
  }

  private isInRing(position: number): boolean {
    const { jhdrSize, size } = this.header;
    return position >= jhdrSize && position <= size && position % SECTOR_BYTES === 0;
  }

  private distance(from: number, to: number): number {
    const ring = this.header.size - this.header.jhdrSize;
    return (((to - from) % ring) + ring) % ring;
  }

  /** `bytes` fewer than the ring has. */
  private advance(position: number, bytes: number): number {
    const next = position + bytes;
    return next < this.header.size ? next : next - this.header.size + this.header.jhdrSize;
  }
}
