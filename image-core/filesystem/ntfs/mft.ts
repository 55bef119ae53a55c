/**
 * The master file table: file records by number, with the extension records that an attribute list
 * names merged in.
 */
import { BlockCache } from "../../cache/block-cache.js";
import { corrupt, ImageError } from "../../errors.js";
import { type Attribute, AttributeType, decodeAttributes } from "./attribute.js";
import { FORMAT } from "./boot-sector.js";
import { applyFixups } from "./fixups.js";
import { le16, le64, recordNumber } from "./little-endian.js";
import { type Disk, Stream } from "./stream.js";

const RECORD_IN_USE = 1;
const RECORD_IS_DIRECTORY = 2;
/** Windows' own limit for an attribute list. */
const MAX_ATTRIBUTE_LIST = 256 * 1024;
const LIST_ENTRY_SIZE = 26;
/** NTFS has no more, and node ids stay far below 2^53. */
const MAX_RECORDS = 2 ** 32;
const READ_AHEAD = 65536;
const READ_AHEAD_BLOCKS = 32;

/** A base record with all its attributes; pieces of one attribute in order of their clusters. */
export interface FileRecord {
  number: number;
  isDirectory: boolean;
  attributes: Attribute[];
  /** Of memory it holds, roughly. */
  weight: number;
}

export class Mft {
  /** Records that the table has room for. */
  readonly count: number;
  private readonly stream: Stream;
  /** Several records at a time: a directory's files mostly lie together. */
  private readonly ahead: BlockCache;

  constructor(
    private readonly disk: Disk,
    /** Where record 0 is taken from: the MFT's own first cluster, or its mirror's. */
    firstCluster: number,
  ) {
    const { clusterSize, fileRecordSize } = disk.boot;
    const bytes = new Uint8Array(fileRecordSize);
    const position = firstCluster * clusterSize;
    if (disk.source.read(position, bytes, 0, bytes.length) < bytes.length) {
      throw new ImageError(
        "truncated",
        FORMAT,
        `$MFT: its first record at 0x${position.toString(16)} lies behind the image's end`,
      );
    }
    const attributes = this.decode(bytes, 0).attributes;
    const [first] = pieces(attributes, AttributeType.data, "");
    if (first === undefined || first.value !== undefined) {
      throw corrupt(FORMAT, "$MFT", position, "has no data that lies in clusters");
    }
    this.stream = new Stream(disk, [first], "$MFT");
    this.count = Math.min(Math.floor(this.stream.size / fileRecordSize), MAX_RECORDS);
    this.ahead = new BlockCache(this.stream, READ_AHEAD, READ_AHEAD_BLOCKS);
    this.extend(attributes);
  }

  /** Throws `corrupt` for a number outside the table, a damaged record, and one that is not in use. */
  load(number: number): FileRecord {
    const { attributes, isDirectory, base } = this.decode(this.read(number), number);
    if (base !== 0) {
      throw corrupt(FORMAT, `file record ${number}`, 0, `is an extension of record ${base}`);
    }
    const record = { number, isDirectory, attributes, weight: 512 + this.disk.boot.fileRecordSize };
    if (attributes.some(({ type }) => type === AttributeType.attributeList)) {
      this.mergeExtensions(record);
    }
    return record;
  }

  private mergeExtensions(record: FileRecord): void {
    const numbers = new Set<number>();
    for (const entry of this.listEntries(record.attributes, `file record ${record.number}`)) {
      if (entry.record !== record.number) numbers.add(entry.record);
    }
    for (const number of numbers) {
      const extension = this.decode(this.read(number), number);
      if (extension.base !== record.number) {
        throw corrupt(
          FORMAT,
          `file record ${number}`,
          0,
          `belongs to record ${extension.base}, but is listed by ${record.number}`,
        );
      }
      record.attributes.push(...extension.attributes);
      record.weight += 512 + this.disk.boot.fileRecordSize;
    }
    // Stable: what has no pieces stays in its order.
    record.attributes.sort((a, b) => a.lowestVcn - b.lowestVcn);
  }

  /** $MFT's own list: each piece is found through the pieces before it. */
  private extend(attributes: Attribute[]): void {
    if (!attributes.some(({ type }) => type === AttributeType.attributeList)) return;
    const entries = this.listEntries(attributes, "$MFT")
      .filter(({ type, record }) => type === AttributeType.data && record !== 0)
      .sort((a, b) => a.lowestVcn - b.lowestVcn);
    for (const entry of entries) {
      const extension = this.decode(this.read(entry.record), entry.record);
      for (const piece of pieces(extension.attributes, AttributeType.data, "")) {
        if (piece.lowestVcn === entry.lowestVcn) this.stream.extend(piece);
      }
    }
  }

  private listEntries(attributes: Attribute[], structure: string): ListEntry[] {
    const stream = openStream(this.disk, attributes, AttributeType.attributeList, "", structure);
    const bytes = stream?.readAll(MAX_ATTRIBUTE_LIST) ?? new Uint8Array(0);
    const entries: ListEntry[] = [];
    for (let at = 0; at + LIST_ENTRY_SIZE <= bytes.length; ) {
      const length = le16(bytes, at + 4);
      if (length < LIST_ENTRY_SIZE || at + length > bytes.length) {
        throw corrupt(FORMAT, `attribute list of ${structure}`, at, `entry of ${length} bytes`);
      }
      entries.push({
        type: le16(bytes, at),
        lowestVcn: le64(bytes, at + 8),
        record: recordNumber(bytes, at + 16),
      });
      at += length;
    }
    return entries;
  }

  private read(number: number): Uint8Array {
    const size = this.disk.boot.fileRecordSize;
    if (!(number < this.count)) {
      throw corrupt(FORMAT, "$MFT", 0, `record ${number} of ${this.count}`);
    }
    const bytes = new Uint8Array(size);
    try {
      this.ahead.read(number * size, bytes, 0, size);
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      // One of its neighbours cannot be read; this one perhaps can.
      this.stream.read(number * size, bytes, 0, size);
    }
    return bytes;
  }

  private decode(bytes: Uint8Array, number: number) {
    const structure = `file record ${number}`;
    applyFixups(bytes, "FILE", structure);
    const flags = le16(bytes, 0x16);
    if ((flags & RECORD_IN_USE) === 0) throw corrupt(FORMAT, structure, 0, "is not in use");
    return {
      isDirectory: (flags & RECORD_IS_DIRECTORY) !== 0,
      base: recordNumber(bytes, 0x20),
      attributes: decodeAttributes(bytes, structure),
    };
  }
}

interface ListEntry {
  type: number;
  lowestVcn: number;
  record: number;
}

function pieces(attributes: readonly Attribute[], type: number, name: string): Attribute[] {
  return attributes.filter((attribute) => attribute.type === type && attribute.name === name);
}

/** Undefined where the record has no such attribute. */
export function openStream(
  disk: Disk,
  attributes: readonly Attribute[],
  type: number,
  name: string,
  structure: string,
): Stream | undefined {
  const found = pieces(attributes, type, name);
  if (found.length === 0) return undefined;
  // A second resident value of the same name would be a lie: the first counts.
  return new Stream(disk, found[0].value === undefined ? found : [found[0]], structure);
}
