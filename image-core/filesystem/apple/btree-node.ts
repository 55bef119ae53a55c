/**
 * One node of a B-tree and its records, checked once when it is read (TN1150, "B-Trees"; Inside
 * Macintosh: Files, "B*-Trees"). All fields big-endian.
 */
import { corrupt } from "../../errors.js";

/** BTNodeDescriptor.kind, a signed byte. */
export const NodeKind = { leaf: -1, index: 0, header: 1, map: 2 } as const;

/** sizeof(BTNodeDescriptor) */
const DESCRIPTOR_BYTES = 14;
/** No record of any of these trees is shorter: the least key and a node number. */
const MIN_RECORD_BYTES = 6;

/** What a node's record takes at least, its offset included: bounds the records of a node. */
export const MIN_SLOT_BYTES = MIN_RECORD_BYTES + 2;

/** What distinguishes HFS trees from HFS+ trees. */
export interface KeyLayout {
  /** Format id, for errors. */
  format: string;
  /** Size of a key's length field: 1 in HFS, 2 in HFS+. */
  keyLengthBytes: 1 | 2;
  /** Of index records, where keys do not vary in length; 0 where they do. */
  fixedIndexKeyLength: number;
}

export class BTreeNode {
  // BTNodeDescriptor
  readonly fLink: number;
  readonly kind: number;
  readonly height: number;
  readonly numRecords: number;

  readonly view: DataView;
  /** Of record i, and last of the free space. */
  private readonly offsets: Uint16Array;

  /** Throws `corrupt` where the record offsets do not ascend within the node. */
  constructor(
    readonly number: number,
    readonly bytes: Uint8Array,
    private readonly layout: KeyLayout,
    /** Of the tree, for errors: `catalog`. */
    private readonly tree: string,
  ) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.view = view;
    this.fLink = view.getUint32(0);
    this.kind = view.getInt8(8);
    this.height = view.getUint8(9);
    this.numRecords = view.getUint16(10);
    const table = bytes.length - 2 * (this.numRecords + 1);
    if (table < DESCRIPTOR_BYTES) throw this.error(0, `${this.numRecords} records do not fit`);
    this.offsets = new Uint16Array(this.numRecords + 1);
    let least = DESCRIPTOR_BYTES;
    for (let i = 0; i <= this.numRecords; i++) {
      const offset = view.getUint16(bytes.length - 2 * (i + 1));
      if (offset < least || offset > table) {
        throw this.error(0, `record ${i} begins at ${offset}, outside ${least} to ${table}`);
      }
      this.offsets[i] = offset;
      least = offset + MIN_RECORD_BYTES;
    }
  }

  /** First byte of a record's key, behind the key's length. */
  keyStart(record: number): number {
    return this.offsets[record] + this.layout.keyLengthBytes;
  }

  /** Behind the last byte of a record's key. Throws `corrupt` where the key leaves its record. */
  keyEnd(record: number): number {
    const start = this.offsets[record];
    const end =
      this.layout.keyLengthBytes === 1
        ? start + 1 + this.bytes[start]
        : start + 2 + this.view.getUint16(start);
    if (end > this.offsets[record + 1]) {
      throw this.error(start, `the key of record ${record} ends at ${end}, behind its record`);
    }
    return end;
  }

  /** First byte of a record's data: keys are padded to even lengths. */
  dataStart(record: number): number {
    const start = this.offsets[record];
    const end = this.keyEnd(record);
    return end + ((end - start) & 1);
  }

  recordEnd(record: number): number {
    return this.offsets[record + 1];
  }

  /** The child that an index record points at. */
  child(record: number): number {
    const { fixedIndexKeyLength, keyLengthBytes } = this.layout;
    let pointer = this.dataStart(record);
    if (fixedIndexKeyLength !== 0) {
      const keyBytes = keyLengthBytes + fixedIndexKeyLength;
      pointer = this.offsets[record] + keyBytes + (keyBytes & 1);
    }
    if (pointer + 4 > this.offsets[record + 1]) {
      throw this.error(
        this.offsets[record],
        `index record ${record} has no room for a node number`,
      );
    }
    return this.view.getUint32(pointer);
  }

  error(offset: number, problem: string) {
    return corrupt(this.layout.format, `${this.tree} B-tree node ${this.number}`, offset, problem);
  }
}
