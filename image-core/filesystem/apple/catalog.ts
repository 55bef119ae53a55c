/**
 * The catalog: every folder and file of a volume by parent CNID and name (TN1150, "Catalog File";
 * Inside Macintosh: Files, "Catalog Files").
 */
import { ImageError } from "../../errors.js";
import type { BTree, Found } from "./btree.js";
import type { BTreeNode } from "./btree-node.js";
import type { CatalogDialect } from "./catalog-dialect.js";
import {
  type CatalogEntry,
  RecordKind,
  ROOT_FOLDER_CNID,
  ROOT_PARENT_CNID,
} from "./catalog-entry.js";
import { NameSurveys, type VisitRecord } from "./name-survey.js";

/** Decoded records, first in first out: attributes are asked right after a lookup or a listing. */
const ENTRY_CAPACITY = 4096;

/** Folders without a thread that a damaged catalog may have and still show all of. */
const MAX_UNTHREADED = 65_536;

/** The name in the key of a thread. */
const NO_NAME = new Uint8Array(0);

export class Catalog {
  private readonly entries = new Map<number, CatalogEntry>();
  private readonly surveys: NameSurveys;
  /** Positions of folders without a thread, by CNID; gathered when the first one is met. */
  private unthreaded: Map<number, number> | undefined;

  constructor(
    private readonly tree: BTree,
    readonly dialect: CatalogDialect,
  ) {
    this.surveys = new NameSurveys(this);
  }

  /** Positions lie below this. */
  get positions(): number {
    return this.tree.totalNodes * this.tree.slotsPerNode;
  }

  /** The record of the root folder. */
  rootPosition(): number {
    const found = this.search(ROOT_PARENT_CNID, NO_NAME);
    let position = -1;
    if (found !== undefined) {
      this.walk(found.node, Math.max(0, found.record), ROOT_PARENT_CNID, (node, record, at) => {
        const entry = this.decode(node, record, at);
        if (entry?.isFolder && entry.cnid === ROOT_FOLDER_CNID) position = at;
        return position < 0;
      });
    }
    if (position < 0) {
      throw new ImageError("corrupt", this.dialect.format, "the catalog has no root folder");
    }
    return position;
  }

  /** The one folder that holds the folder `cnid`, by its thread; 0 where nothing tells. */
  threadParent(cnid: number): number {
    const thread = this.thread(cnid);
    if (thread === undefined) {
      const position = this.withoutThread(cnid);
      return position < 0 ? 0 : (this.entryAt(position)?.parentId ?? 0);
    }
    return this.dialect.threadParent(thread.node, thread.node.dataStart(thread.record));
  }

  /** The record of a folder or file by its CNID, through its thread; -1 where there is none. */
  byCnid(cnid: number): number {
    const thread = this.thread(cnid);
    if (thread === undefined) return this.withoutThread(cnid);
    const { node, record } = thread;
    const dataStart = node.dataStart(record);
    const stored = this.dialect.threadName(node, dataStart, node.recordEnd(record));
    const position = this.byStoredName(this.dialect.threadParent(node, dataStart), stored);
    return position >= 0 && this.entryAt(position)?.cnid === cnid ? position : -1;
  }

  /**
   * The first record of a folder whose thread is missing, or -1: the first, so that each such folder
   * lies in one folder only, as those with threads do.
   */
  private withoutThread(cnid: number): number {
    this.unthreaded ??= this.foldersWithoutThread();
    return this.unthreaded.get(cnid) ?? -1;
  }

  private foldersWithoutThread(): Map<number, number> {
    const folders = new Map<number, number>();
    const first = this.search(ROOT_PARENT_CNID, NO_NAME);
    if (first === undefined) return folders;
    try {
      this.tree.walk(first.node, 0, (node, record) => {
        if (this.kind(node, record) !== RecordKind.folder) return true;
        const entry = this.decode(node, record, this.position(node, record));
        if (entry !== undefined && !folders.has(entry.cnid) && !this.thread(entry.cnid)) {
          folders.set(entry.cnid, entry.position);
        }
        return folders.size < MAX_UNTHREADED;
      });
    } catch (error) {
      // Folders behind the damage stay closed.
      if (!(error instanceof ImageError)) throw error;
    }
    return folders;
  }

  /** The folder or file that `entryAt` reads; undefined for a thread or an unknown record. */
  entryAt(position: number): CatalogEntry | undefined {
    const cached = this.entries.get(position);
    if (cached !== undefined) return cached;
    const { slotsPerNode } = this.tree;
    const node = this.tree.leaf(Math.floor(position / slotsPerNode));
    const record = position % slotsPerNode;
    return record < node.numRecords ? this.decode(node, record, position) : undefined;
  }

  /** The record of a shown name, or -1. Other spellings too, where the volume ignores case. */
  lookup(folder: number, shown: string): number {
    const stored = this.dialect.storedName(shown);
    if (stored !== undefined) {
      const position = this.byStoredName(folder, stored);
      if (position >= 0 && this.entryAt(position) !== undefined) {
        // The very name, or another spelling of it; but not one that shows under a suffix.
        if (!this.surveys.of(folder).shownOtherwise.has(position)) return position;
      }
    }
    return this.surveys.find(folder, shown);
  }

  /** By the bytes of its name, as the volume sorts; -1 where there is none. */
  byStoredName(folder: number, stored: Uint8Array): number {
    const found = this.search(folder, stored);
    if (found === undefined || !found.exact) return -1;
    return this.position(found.node, found.record);
  }

  /** Names a record for good. */
  position(node: BTreeNode, record: number): number {
    return node.number * this.tree.slotsPerNode + record;
  }

  /**
   * Visits the entries of a folder from `position` on (0: from the start) with the names that they
   * show under. Throws `corrupt` where the leaves do not end.
   */
  list(
    folder: number,
    position: number,
    visit: (entry: CatalogEntry, name: string) => boolean,
  ): void {
    // Surveyed first: it proves that the walk ends, and knows the names that show alike.
    const { shownOtherwise } = this.surveys.of(folder);
    this.scan(folder, position, (node, record, at) => {
      const entry = this.entries.get(at) ?? this.decode(node, record, at);
      return entry === undefined || visit(entry, shownOtherwise.get(at) ?? entry.name);
    });
  }

  /** Visits every record in a folder, the thread included. */
  scan(folder: number, position: number, visit: VisitRecord): void {
    const { slotsPerNode } = this.tree;
    if (position === 0) {
      const found = this.search(folder, NO_NAME);
      if (found === undefined) return;
      this.walk(found.node, Math.max(0, found.record), folder, visit);
      return;
    }
    const node = this.tree.leaf(Math.floor(position / slotsPerNode));
    this.walk(node, position % slotsPerNode, folder, visit);
  }

  kind(node: BTreeNode, record: number): RecordKind {
    return this.dialect.kind(node, node.dataStart(record), node.recordEnd(record));
  }

  /** Records of `folder` from there on; those of folders before it are passed over. */
  private walk(start: BTreeNode, first: number, folder: number, visit: VisitRecord): void {
    this.tree.walk(start, first, (node, record) => {
      const parentId = this.dialect.parentId(node, node.keyStart(record));
      if (parentId !== folder) return parentId < folder;
      return visit(node, record, this.position(node, record));
    });
  }

  private search(folder: number, name: Uint8Array): Found | undefined {
    const { dialect } = this;
    return this.tree.search((node, keyStart, keyEnd) => {
      const parentId = dialect.parentId(node, keyStart);
      if (parentId !== folder) return parentId < folder ? -1 : 1;
      const nameEnd = dialect.nameEnd(node, keyStart, keyEnd);
      return dialect.compareNames(
        node.bytes,
        dialect.nameStart(keyStart),
        nameEnd,
        name,
        0,
        name.length,
      );
    });
  }

  private thread(cnid: number): Found | undefined {
    const found = this.search(cnid, NO_NAME);
    if (found === undefined || !found.exact) return undefined;
    const kind = this.kind(found.node, found.record);
    return kind === RecordKind.folderThread || kind === RecordKind.fileThread ? found : undefined;
  }

  private decode(node: BTreeNode, record: number, position: number): CatalogEntry | undefined {
    const kind = this.kind(node, record);
    if (kind !== RecordKind.folder && kind !== RecordKind.file) return undefined;
    const keyStart = node.keyStart(record);
    const parentId = this.dialect.parentId(node, keyStart);
    const nameEnd = this.dialect.nameEnd(node, keyStart, node.keyEnd(record));
    const name = this.dialect.shownName(node.bytes, this.dialect.nameStart(keyStart), nameEnd);
    const bytes = node.bytes.slice(node.dataStart(record), node.recordEnd(record));
    const entry = this.dialect.entry(position, parentId, name, bytes);
    if (this.entries.size >= ENTRY_CAPACITY) {
      this.entries.delete(this.entries.keys().next().value as number);
    }
    this.entries.set(position, entry);
    return entry;
  }
}
