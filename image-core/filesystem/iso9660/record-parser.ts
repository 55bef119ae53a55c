/** From the record under a cursor to an Entry: what the record says, then what Rock Ridge says. */
import { S_IFDIR, S_IFREG } from "../volume.js";
import {
  dotIdentifier,
  FLAG_DIRECTORY,
  FLAG_MULTI_EXTENT,
  RECORD_HEAD,
  recordDataLength,
  recordExtent,
  recordFlags,
  sameIdentifier,
  systemUseOffset,
} from "./directory-record.js";
import { directoryNode, type Entry, nodePosition, recordNode } from "./entry.js";
import { applyAttributeRecord } from "./extended-attribute-record.js";
import type { IsoImage } from "./iso-image.js";
import { Identifier, type Spelling, spell } from "./names.js";
import { RecordCursor } from "./record-cursor.js";
import { type RockRidge, settleType } from "./rock-ridge.js";
import { recordTime } from "./times.js";

/** A file of 16 TiB in extents of 256 MiB. */
const MAX_EXTENTS = 65_536;

/** An extent as a record gives it. */
export interface FileSection {
  /** Byte offset in the image of the first data byte. */
  start: number;
  length: number;
  /** Interleaved: bytes in a file unit, and between two; 0 where recorded in one piece. */
  unit: number;
  gap: number;
}

export class RecordParser {
  private readonly identifier = new Identifier();
  private readonly first = new Uint8Array(256);
  private readonly direct: RecordCursor;

  constructor(
    readonly image: IsoImage,
    readonly spelling: Spelling,
    readonly rockRidge: RockRidge | undefined,
  ) {
    this.direct = new RecordCursor(image);
  }

  /**
   * Parses the record that `cursor` stepped to, and takes in the records of its further extents.
   * `entry.name` is empty for `.` and `..`.
   */
  parse(cursor: RecordCursor, entry: Entry): void {
    const { image, spelling } = this;
    const { bytes, at, position } = cursor;
    const { highSierra } = image;
    const dot = dotIdentifier(bytes, at) >= 0;
    entry.reset(image.owner);
    entry.flags = recordFlags(bytes, at, highSierra);
    entry.extent = recordExtent(bytes, at, image.blocks);
    entry.attributeRecordBlocks = bytes[at + 1];
    entry.stored = recordDataLength(bytes, at, image.source.size);
    entry.size = entry.stored;
    const time = recordTime(bytes, at + 18, highSierra);
    entry.setTimes(Number.isNaN(time) ? 0 : time, 0);
    const nameStart = at + RECORD_HEAD;
    const nameEnd = nameStart + bytes[at + 32];
    const directory = (entry.flags & FLAG_DIRECTORY) !== 0;
    if (!dot) {
      if (directory) {
        this.identifier.nameEnd = nameEnd;
        this.identifier.version = 0;
      } else this.identifier.split(bytes, nameStart, nameEnd, spelling);
      entry.version = this.identifier.version;
    }
    if (this.rockRidge !== undefined) {
      const start = at + systemUseOffset(bytes, at);
      this.rockRidge.read(bytes, start, at + bytes[at], entry, !dot);
      if (entry.nlink === 0) entry.nlink = 1;
      // Continuation areas were read meanwhile.
      cursor.refresh();
    }
    if (entry.name === "" && !dot) {
      entry.name = spell(cursor.bytes, nameStart, this.identifier.nameEnd, spelling);
    }
    if (directory || dot || entry.childStart > 0) {
      if (entry.childStart === 0) entry.childStart = this.dataStart(entry);
      entry.type = S_IFDIR;
      entry.node = directoryNode(entry.childStart);
    } else {
      settleType(entry);
      entry.node = recordNode(position);
    }
    if (dot || directory) return this.applyAttributes(entry);
    if ((entry.flags & FLAG_MULTI_EXTENT) !== 0) this.addExtents(cursor, entry);
    else if (entry.version > 0 && entry.type === S_IFREG) this.lookAhead(cursor, entry);
    this.applyAttributes(entry);
  }

  /** Parses the record at the node's position; false where no record is there. */
  parseAt(node: number, entry: Entry): boolean {
    if (!this.stepTo(nodePosition(node))) return false;
    this.parse(this.direct, entry);
    return true;
  }

  /** Steps a cursor of the parser's own to the record at `position`. */
  stepTo(position: number): RecordCursor | undefined {
    const { direct } = this;
    if (position + RECORD_HEAD > this.image.source.size) return undefined;
    direct.open(position, this.image.source.size);
    return direct.step() && direct.position === position ? direct : undefined;
  }

  /** The extents of the file whose first record is at `position`, in order. */
  sections(position: number): FileSection[] {
    const { image } = this;
    const cursor = this.stepTo(position);
    const sections: FileSection[] = [];
    if (cursor === undefined) return sections;
    this.keepIdentifier(cursor);
    do {
      const { bytes, at } = cursor;
      const unit = bytes[at + 26] * image.blockSize;
      const gap = bytes[at + 27] * image.blockSize;
      const extent = recordExtent(bytes, at, image.blocks) * image.blockSize;
      const attributeRecord = bytes[at + 1] * image.blockSize;
      const interleaved = unit > 0 && gap > 0;
      // An extended attribute record takes the whole first file unit (6.4.3.2).
      const skipped = attributeRecord === 0 ? 0 : interleaved ? unit + gap : attributeRecord;
      sections.push({
        start: extent + skipped,
        length: recordDataLength(bytes, at, image.source.size),
        unit: interleaved ? unit : 0,
        gap: interleaved ? gap : 0,
      });
      if ((recordFlags(bytes, at, image.highSierra) & FLAG_MULTI_EXTENT) === 0) break;
    } while (sections.length < MAX_EXTENTS && cursor.step() && this.isSameFile(cursor));
    return sections;
  }

  /** Rock Ridge knows better; without it the extended attribute record is all there is. */
  private applyAttributes(entry: Entry): void {
    if (this.rockRidge === undefined && entry.attributeRecordBlocks > 0) {
      applyAttributeRecord(this.image, entry);
    }
  }

  private dataStart(entry: Entry): number {
    return (entry.extent + entry.attributeRecordBlocks) * this.image.blockSize;
  }

  private keepIdentifier(cursor: RecordCursor): void {
    const { bytes, at } = cursor;
    for (let i = 32; i < RECORD_HEAD + bytes[at + 32]; i++) this.first[i] = bytes[at + i];
  }

  private isSameFile(cursor: RecordCursor): boolean {
    return sameIdentifier(this.first, 0, cursor.bytes, cursor.at);
  }

  /** All records of a file but the last have the flag, and all bear its identifier (6.5.1). */
  private addExtents(cursor: RecordCursor, entry: Entry): void {
    const { image } = this;
    this.keepIdentifier(cursor);
    let end = cursor.next;
    for (let count = 1; count < MAX_EXTENTS && cursor.step(); count++) {
      if (!this.isSameFile(cursor)) break;
      const length = recordDataLength(cursor.bytes, cursor.at, image.source.size);
      if (entry.size === entry.stored) entry.size += length;
      entry.stored += length;
      end = cursor.next;
      const flags = recordFlags(cursor.bytes, cursor.at, image.highSierra);
      if ((flags & FLAG_MULTI_EXTENT) === 0) break;
    }
    cursor.seek(end);
  }

  /** Does a newer version of the same file follow? Then this one is shown with its number. */
  private lookAhead(cursor: RecordCursor, entry: Entry): void {
    const end = cursor.next;
    this.keepVersioned(cursor);
    if (cursor.step()) {
      const { bytes, at } = cursor;
      const start = at + RECORD_HEAD;
      this.identifier.split(bytes, start, start + bytes[at + 32], this.spelling);
      const length = this.identifier.nameEnd - start;
      if (this.identifier.version > entry.version && length === this.first[0]) {
        let i = 0;
        while (i < length && bytes[start + i] === this.first[RECORD_HEAD + i]) i++;
        entry.superseded = i === length;
      }
    }
    cursor.seek(end);
  }

  private keepVersioned(cursor: RecordCursor): void {
    const start = cursor.at + RECORD_HEAD;
    this.first[0] = this.identifier.nameEnd - start;
    this.first.set(cursor.bytes.subarray(start, this.identifier.nameEnd), RECORD_HEAD);
  }
}
