/**
 * Extended attributes: the attributes B-tree (TN1150, "Attributes File"; Apple's hfs_format.h for
 * the inline records that TN1150 leaves open). Big-endian.
 */
import type { BTree } from "../apple/btree.js";
import type { BTreeNode } from "../apple/btree-node.js";
import type { ForkDescription } from "../apple/catalog-entry.js";
import type { ExtentRecord } from "../apple/extents.js";
import { readExtents32 } from "../apple/extents-overflow.js";
import { HfsPlusForkData } from "./fork-data.js";
import { compareBinary } from "./unicode-compare.js";

/** recordType */
const HFS_PLUS_ATTR_INLINE_DATA = 0x10;
const HFS_PLUS_ATTR_FORK_DATA = 0x20;
const HFS_PLUS_ATTR_EXTENTS = 0x30;

/** Of a key before its name: pad, fileID, startBlock, attrNameLen. */
const KEY_HEAD_BYTES = 12;
/** More attributes than any file has. */
const MAX_ATTRIBUTES = 4096;

/** Where a value is: in the record, or in a fork of its own. */
export type AttributeValue = { inline: Uint8Array } | { fork: ForkDescription };

export class AttributesFile {
  /** `tree` may throw: files without attributes do without it. */
  constructor(private readonly tree: () => BTree) {}

  /** Stored names of a file's or folder's attributes, in the tree's order. */
  names(fileId: number): string[] {
    const names = new Set<string>();
    const found = this.find(fileId, new Uint8Array(0), 0);
    if (found === undefined) return [];
    this.tree().walk(found.node, Math.max(0, found.record), (node, record) => {
      const at = keyStart(node, record);
      const keyFileId = node.view.getUint32(at + 2);
      if (keyFileId === fileId && node.view.getUint32(at + 6) === 0) names.add(name(node, record));
      if (names.size > MAX_ATTRIBUTES)
        throw node.error(at, `file ${fileId} has too many attributes`);
      return keyFileId <= fileId;
    });
    return [...names];
  }

  /** Undefined where there is no such attribute. Throws `corrupt` for a record of another type. */
  value(fileId: number, attribute: string): AttributeValue | undefined {
    const found = this.find(fileId, utf16Bytes(attribute), 0);
    if (found === undefined || !found.exact) return undefined;
    const { node, record } = found;
    const start = node.dataStart(record);
    const end = node.recordEnd(record);
    if (start + 16 > end) throw node.error(start, "an attribute record is cut off");
    const recordType = node.view.getUint32(start);
    if (recordType === HFS_PLUS_ATTR_INLINE_DATA) {
      const size = node.view.getUint32(start + 12);
      if (start + 16 + size > end)
        throw node.error(start, `an attribute of ${size} bytes is cut off`);
      return { inline: node.bytes.slice(start + 16, start + 16 + size) };
    }
    if (recordType === HFS_PLUS_ATTR_FORK_DATA && start + 88 <= end) {
      return { fork: new HfsPlusForkData(node.view, start + 8) };
    }
    throw node.error(start, `attribute record type 0x${recordType.toString(16)}`);
  }

  /** The extents of an attribute's fork from `startBlock` on, if a record begins there. */
  extents(fileId: number, attribute: string, startBlock: number): ExtentRecord | undefined {
    const found = this.find(fileId, utf16Bytes(attribute), startBlock);
    if (found === undefined || !found.exact) return undefined;
    const { node, record } = found;
    const start = node.dataStart(record);
    if (
      start + 72 > node.recordEnd(record) ||
      node.view.getUint32(start) !== HFS_PLUS_ATTR_EXTENTS
    ) {
      throw node.error(start, "an attribute's extents are no extents record");
    }
    return readExtents32(node.view, start + 8);
  }

  private find(fileId: number, attribute: Uint8Array, startBlock: number) {
    return this.tree().search((node, at, end) => {
      if (at + KEY_HEAD_BYTES > end) throw node.error(at, "an attribute key is cut off");
      const keyFileId = node.view.getUint32(at + 2);
      if (keyFileId !== fileId) return keyFileId - fileId;
      const nameStart = at + KEY_HEAD_BYTES;
      const order = compareBinary(
        node.bytes,
        nameStart,
        nameEnd(node, at, end),
        attribute,
        0,
        attribute.length,
      );
      return order !== 0 ? order : node.view.getUint32(at + 6) - startBlock;
    });
  }
}

function keyStart(node: BTreeNode, record: number): number {
  const at = node.keyStart(record);
  if (at + KEY_HEAD_BYTES > node.keyEnd(record))
    throw node.error(at, "an attribute key is cut off");
  return at;
}

function nameEnd(node: BTreeNode, at: number, end: number): number {
  const nameEnd = at + KEY_HEAD_BYTES + 2 * node.view.getUint16(at + 10);
  if (nameEnd > end) throw node.error(at, "an attribute's name leaves its key");
  return nameEnd;
}

function name(node: BTreeNode, record: number): string {
  const at = node.keyStart(record);
  const end = nameEnd(node, at, node.keyEnd(record));
  let text = "";
  for (let unit = at + KEY_HEAD_BYTES; unit < end; unit += 2) {
    text += String.fromCharCode(node.view.getUint16(unit));
  }
  return text;
}

function utf16Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(2 * text.length);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < text.length; i++) view.setUint16(2 * i, text.charCodeAt(i));
  return bytes;
}
