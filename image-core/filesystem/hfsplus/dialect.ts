/** Catalog keys and records of HFS+ (TN1150, "Catalog File Key", "Catalog Thread Records"). */
import type { BTreeNode } from "../apple/btree-node.js";
import type { CatalogDialect } from "../apple/catalog-dialect.js";
import { RecordKind, recordKind } from "../apple/catalog-entry.js";
import { HfsPlusEntry } from "./catalog-record.js";
import { isRegular, shownName, storedName } from "./name.js";
import { compareBinary, compareFolded } from "./unicode-compare.js";

/** parentID and the name's length. */
const KEY_HEAD_BYTES = 6;
/** recordType, reserved, parentID and the name's length. */
const THREAD_HEAD_BYTES = 10;

export function hfsPlusDialect(caseSensitive: boolean): CatalogDialect {
  return {
    format: "hfsplus",
    parentId: (node, keyStart) => node.view.getUint32(keyStart),
    nameStart: (keyStart) => keyStart + KEY_HEAD_BYTES,
    nameEnd: (node, keyStart, keyEnd) => {
      const end =
        keyStart + KEY_HEAD_BYTES > keyEnd
          ? Number.POSITIVE_INFINITY
          : keyStart + KEY_HEAD_BYTES + 2 * node.view.getUint16(keyStart + 4);
      if (end > keyEnd) throw node.error(keyStart, "a catalog key's name leaves the key");
      return end;
    },
    compareNames: caseSensitive ? compareBinary : compareFolded,
    shownName,
    storedName,
    isRegular,
    kind,
    threadParent: (node, dataStart) => node.view.getUint32(dataStart + 4),
    threadName: (node, dataStart, dataEnd) => {
      const start = dataStart + THREAD_HEAD_BYTES;
      const end = start + 2 * node.view.getUint16(dataStart + 8);
      if (end > dataEnd) throw node.error(dataStart, "a thread's name leaves its record");
      return node.bytes.slice(start, end);
    },
    entry: (position, parentId, name, bytes) => new HfsPlusEntry(position, parentId, name, bytes),
  };
}

function kind(node: BTreeNode, dataStart: number, dataEnd: number): RecordKind {
  if (dataStart + THREAD_HEAD_BYTES > dataEnd) return RecordKind.unknown;
  return recordKind(node.view.getUint16(dataStart));
}
