/** Catalog keys and records of HFS (Inside Macintosh: Files, "Catalog File Keys"). */
import type { BTreeNode } from "../apple/btree-node.js";
import type { CatalogDialect } from "../apple/catalog-dialect.js";
import { RecordKind, recordKind } from "../apple/catalog-entry.js";
import { compareNames, type MacNames } from "../apple/mac-names.js";
import { HfsEntry, type VolumeTraits } from "./catalog-record.js";

/** ckrResrv1, ckrParID and the name's length. */
const KEY_HEAD_BYTES = 6;
/** cdrType to thdParID, and the name's length. */
const THREAD_HEAD_BYTES = 15;

export function hfsDialect(names: MacNames, traits: VolumeTraits): CatalogDialect {
  return {
    format: "hfs",
    parentId: (node, keyStart) => node.view.getUint32(keyStart + 1),
    nameStart: (keyStart) => keyStart + KEY_HEAD_BYTES,
    nameEnd: (node, keyStart, keyEnd) => {
      const nameStart = keyStart + KEY_HEAD_BYTES;
      const end =
        nameStart > keyEnd ? Number.POSITIVE_INFINITY : nameStart + node.bytes[nameStart - 1];
      if (end > keyEnd) throw node.error(keyStart, "a catalog key's name leaves the key");
      return end;
    },
    compareNames,
    shownName: (bytes, start, end) => names.shownName(bytes, start, end),
    storedName: (shown) => names.storedName(shown),
    isRegular: (bytes, start, end) => names.isRegular(bytes, start, end),
    kind,
    threadParent: (node, dataStart) => node.view.getUint32(dataStart + 10),
    threadName: (node, dataStart, dataEnd) => {
      const start = dataStart + THREAD_HEAD_BYTES;
      const end = start + node.bytes[start - 1];
      if (end > dataEnd) throw node.error(dataStart, "a thread's name leaves its record");
      return node.bytes.slice(start, end);
    },
    entry: (position, parentId, name, bytes) =>
      new HfsEntry(position, parentId, name, bytes, traits),
  };
}

function kind(node: BTreeNode, dataStart: number, dataEnd: number): RecordKind {
  if (dataStart + THREAD_HEAD_BYTES > dataEnd) return RecordKind.unknown;
  return recordKind(node.bytes[dataStart]);
}
