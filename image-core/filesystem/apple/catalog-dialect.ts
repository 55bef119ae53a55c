/** How HFS and HFS+ lay out catalog keys, names and records. */
import type { BTreeNode } from "./btree-node.js";
import type { CatalogEntry, RecordKind } from "./catalog-entry.js";

export interface CatalogDialect {
  /** Format id, for errors. */
  readonly format: string;

  // Keys. `keyStart` is behind the key's length field.
  parentId(node: BTreeNode, keyStart: number): number;
  nameStart(keyStart: number): number;
  /** Throws `corrupt` where the name leaves the key. */
  nameEnd(node: BTreeNode, keyStart: number, keyEnd: number): number;

  // Names.
  /** As the volume sorts: negative where `a` lies before `b`. */
  compareNames(
    a: Uint8Array,
    aStart: number,
    aEnd: number,
    b: Uint8Array,
    bStart: number,
    bEnd: number,
  ): number;
  /** Safe, NFC; two stored names may show alike (name-survey.ts). */
  shownName(bytes: Uint8Array, start: number, end: number): string;
  /** The name that a well-behaved writer stores for a shown one; undefined where none can. */
  storedName(shown: string): Uint8Array | undefined;
  /** Whether `storedName` gives these bytes back for what they show as. */
  isRegular(bytes: Uint8Array, start: number, end: number): boolean;

  // Records.
  kind(node: BTreeNode, dataStart: number, dataEnd: number): RecordKind;
  /** Of a thread: the folder it names. */
  threadParent(node: BTreeNode, dataStart: number): number;
  /** Of a thread: a copy of the stored name. Throws `corrupt` where it leaves the record. */
  threadName(node: BTreeNode, dataStart: number, dataEnd: number): Uint8Array;
  /** Of a folder or file. `bytes`: the record's own copy, as long as its kind demands. */
  entry(position: number, parentId: number, name: string, bytes: Uint8Array): CatalogEntry;
}
