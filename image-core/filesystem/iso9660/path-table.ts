/**
 * The path table (ECMA-119 6.9, 9.4): every directory's extent, parent and name once more. Read only
 * where directories themselves are damaged.
 */
import { be16, be32, le16, le32 } from "./both-endian.js";
import type { IsoImage } from "./iso-image.js";
import { type Spelling, spell } from "./names.js";
import type { VolumeDescriptor } from "./volume-descriptor.js";

/** 65,535 directories (parents are numbered with 16 bits) of names as long as Joliet's. */
const MAX_PATH_TABLE_BYTES = 1 << 24;

export interface PathTableRecord {
  name: string;
  /** Byte offset of the directory's first record. */
  start: number;
}

export class PathTable {
  private readonly records: PathTableRecord[] = [];
  /** Children by the parent's `start`, in the table's order. */
  private readonly children = new Map<number, PathTableRecord[]>();

  constructor(image: IsoImage, descriptor: VolumeDescriptor, spelling: Spelling) {
    // Type M is the same in big-endian; it is there for the case that L is damaged.
    this.load(image, descriptor, descriptor.typeLPathTable, spelling, le16, le32);
    if (this.records.length < 2) {
      this.load(image, descriptor, descriptor.typeMPathTable, spelling, be16, be32);
    }
  }

  /** The root directory's start, if the table has it. */
  get rootStart(): number | undefined {
    return this.records[0]?.start;
  }

  childrenOf(start: number): readonly PathTableRecord[] {
    return this.children.get(start) ?? [];
  }

  private load(
    image: IsoImage,
    descriptor: VolumeDescriptor,
    block: number,
    spelling: Spelling,
    u16: (bytes: Uint8Array, at: number) => number,
    u32: (bytes: Uint8Array, at: number) => number,
  ): void {
    const { pathTableSize: size } = descriptor;
    const position = block * image.blockSize;
    if (block === 0 || size > MAX_PATH_TABLE_BYTES || position + size > image.source.size) return;
    const bytes = new Uint8Array(size);
    image.source.read(position, bytes, 0, size);
    this.records.length = 0;
    this.children.clear();
    // High Sierra has the extent first and the name's length behind it.
    const lengthAt = image.highSierra ? 5 : 0;
    const attributeAt = image.highSierra ? 4 : 1;
    const extentAt = image.highSierra ? 0 : 2;
    for (let at = 0; at + 8 < size; ) {
      const length = bytes[at + lengthAt];
      const end = at + 8 + length;
      if (length === 0 || end > size) break;
      const extent = u32(bytes, at + extentAt);
      const parent = u16(bytes, at + 6);
      // A parent precedes its children; the root is its own.
      if (extent >= image.blocks || parent === 0 || parent > this.records.length + 1) break;
      const record = {
        name: spell(bytes, at + 8, end, spelling),
        start: (extent + bytes[at + attributeAt]) * image.blockSize,
      };
      this.records.push(record);
      if (this.records.length > 1) {
        const above = this.records[parent - 1].start;
        const siblings = this.children.get(above);
        if (siblings === undefined) this.children.set(above, [record]);
        else siblings.push(record);
      }
      at = end + (length & 1);
    }
  }
}
