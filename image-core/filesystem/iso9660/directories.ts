/**
 * A tree's directories as they are shown: every name once, no loops, relocated directories where
 * they belong, associated files out of sight.
 */
import { type EmitEntry, type NodeId, S_IFDIR } from "../volume.js";
import { DirectoryIndex, DirectoryIndexes } from "./directory-index.js";
import { dotIdentifier, FLAG_ASSOCIATED, LOGICAL_SECTOR } from "./directory-record.js";
import { directoryNode, Entry, isDirectoryNode, nodePosition, recordNode } from "./entry.js";
import { hashBlock, hashName, type NameTable } from "./name-table.js";
import type { PathTable, PathTableRecord } from "./path-table.js";
import { RecordCursor } from "./record-cursor.js";
import type { RecordParser } from "./record-parser.js";
import { TreeShape } from "./tree-shape.js";

/** What fits in an xattr is shown as one; a larger associated file must stay reachable. */
export const MAX_XATTR_BYTES = 65_536;

export class Directories {
  /** The entry listed last, for `attributes` of what was just emitted. */
  readonly listed = new Entry();
  private readonly found = new Entry();
  private readonly compared = new Entry();
  private readonly indexes = new DirectoryIndexes();
  private readonly search: RecordCursor;
  private readonly shape: TreeShape;
  private rrMoved: { node: NodeId; hidden: boolean } | undefined;

  constructor(
    private readonly parser: RecordParser,
    private readonly rootStart: number,
    private readonly pathTable: () => PathTable,
  ) {
    this.search = new RecordCursor(parser.image);
    this.shape = new TreeShape(parser, rootStart);
  }

  /** As `Volume.readDirectory`; cookies are offsets within the directory, then path table entries. */
  list(start: number, cookie: number, emit: EmitEntry): void {
    const index = this.index(start);
    const cursor = new RecordCursor(this.parser.image);
    const size = index.end - start;
    if (cookie > index.scanned) this.scanTo(index, cookie);
    cursor.open(start + Math.min(cookie, size), index.end);
    while (cookie < size && this.step(cursor, this.listed)) {
      const { listed } = this;
      const next = cursor.next;
      const name = this.shownName(index, listed, cursor, next);
      if (name === "") continue;
      if (!emit(name, listed.node, listed.type, Math.min(next - start, size))) return;
      cursor.seek(next);
    }
    this.finish(index, cursor);
    const rescued = this.rescued(index);
    for (let i = Math.max(0, cookie - size); i < rescued.length; i++) {
      const { name, start: child } = rescued[i];
      if (!emit(name, directoryNode(child), S_IFDIR, size + i + 1)) return;
    }
  }

  /** The node of `name`, 0 where there is none. */
  lookup(start: number, name: string): NodeId {
    const index = this.index(start);
    const hash = hashName(name);
    const known = this.lookupKnown(index, hash, name);
    if (known !== 0) return known;
    if (!index.complete || index.table === undefined) {
      const node = this.lookupOnward(index, name);
      if (node !== 0) return node;
    }
    for (const { name: rescued, start: child } of this.rescued(index)) {
      if (rescued === name) return directoryNode(child);
    }
    return 0;
  }

  /** Byte offset of the first record of the directory that the one at `start` lies in. */
  parentStart(start: number): number {
    return start === this.rootStart ? start : this.shape.parentStart(start);
  }

  /** Byte offset of the record by which its parent shows the directory at `start`; -1 for none. */
  ownRecord(start: number): number {
    const cursor = new RecordCursor(this.parser.image);
    const parent = this.parentStart(start);
    cursor.open(parent, this.shape.end(parent));
    while (cursor.step()) {
      if (dotIdentifier(cursor.bytes, cursor.at) >= 0) continue;
      const { position } = cursor;
      this.parser.parse(cursor, this.compared);
      if (this.compared.childStart === start && !this.compared.relocated) return position;
    }
    return -1;
  }

  private index(start: number): DirectoryIndex {
    let index = this.indexes.get(start);
    if (index === undefined) {
      index = new DirectoryIndex(start, this.shape.end(start));
      index.damaged = !this.shape.hasDot(start);
      this.indexes.add(index);
    }
    return index;
  }

  /** To the next record that may be shown. Records are shown by `entry.node`, never `.` or `..`. */
  private step(cursor: RecordCursor, entry: Entry): boolean {
    while (cursor.step()) {
      if (dotIdentifier(cursor.bytes, cursor.at) >= 0) continue;
      this.parser.parse(cursor, entry);
      if (entry.relocated) continue;
      if ((entry.flags & FLAG_ASSOCIATED) !== 0) {
        if (entry.stored <= MAX_XATTR_BYTES) continue;
        entry.name += ";associated";
      }
      return true;
    }
    return false;
  }

  /** The unique name of the entry at the cursor, empty if it is not shown. `next`: behind it. */
  private shownName(
    index: DirectoryIndex,
    entry: Entry,
    cursor: RecordCursor,
    next: number,
  ): string {
    if (cursor.damaged > 0) index.damaged = true;
    const offset = this.offset(index, entry, cursor);
    if (offset < index.scanned) return index.renamed.get(offset) ?? ownName(entry);
    const name = this.register(index, entry, offset);
    index.scanned = next - index.start;
    return name;
  }

  /** Where the entry's record begins in its directory. */
  private offset(index: DirectoryIndex, entry: Entry, cursor: RecordCursor): number {
    // Further extents moved the cursor on; a directory's node does not tell its record.
    return (isDirectoryNode(entry.node) ? cursor.position : nodePosition(entry.node)) - index.start;
  }

  /** Takes a record in that no pass has seen before. */
  private register(index: DirectoryIndex, entry: Entry, offset: number): string {
    if (entry.type === S_IFDIR && !this.belongs(index, entry, offset)) {
      return index.rename(offset, "");
    }
    const { table } = index;
    let name = ownName(entry);
    if (table === undefined) return name;
    if (this.find(index, table, hashName(name), name) !== 0) {
      name = this.distinguish(index, table, entry, offset);
      index.rename(offset, name);
      if (name === "") return name;
    } else if (name !== entry.name) index.rename(offset, name);
    table.add(hashName(name), offset);
    this.indexes.grew(index);
    return name;
  }

  /** Does the directory `entry` lie here, and only here? Loops and second names are cut. */
  private belongs(index: DirectoryIndex, entry: Entry, offset: number): boolean {
    const child = entry.childStart;
    if (!this.shape.isChild(child, index.start, entry.stored)) return false;
    if (index.start === this.rootStart && this.isRrMoved(entry)) return false;
    const { table } = index;
    if (table === undefined) return true;
    const hash = hashBlock(child / LOGICAL_SECTOR);
    for (let slot = table.firstSlot(hash); slot >= 0; slot = table.nextSlot(hash, slot)) {
      if (this.parseAt(index, table.value(slot)) && this.compared.childStart === child) {
        return false;
      }
    }
    table.add(hash, offset);
    this.indexes.grew(index);
    return true;
  }

  /** A second entry of the same name: by its version, else by a number that no other has. */
  private distinguish(
    index: DirectoryIndex,
    table: NameTable,
    entry: Entry,
    offset: number,
  ): string {
    const candidates = entry.version > 0 ? [`${entry.name};${entry.version}`] : [];
    for (let n = 2; n < 10; n++) candidates.push(`${entry.name}~${n}`);
    candidates.push(`${entry.name}~${offset.toString(16)}`);
    return candidates.find((name) => this.find(index, table, hashName(name), name) === 0) ?? "";
  }

  /** The node of `name` among the entries taken in, 0 for none. */
  private find(index: DirectoryIndex, table: NameTable, hash: number, name: string): NodeId {
    for (let slot = table.firstSlot(hash); slot >= 0; slot = table.nextSlot(hash, slot)) {
      const offset = table.value(slot);
      const renamed = index.renamed.get(offset);
      if (renamed !== undefined && renamed !== name) continue;
      if (!this.parseAt(index, offset)) continue;
      if (renamed === name || ownName(this.compared) === name) return this.compared.node;
    }
    return 0;
  }

  private parseAt(index: DirectoryIndex, offset: number): boolean {
    const parsed = this.parser.parseAt(recordNode(index.start + offset), this.compared);
    if (parsed && (this.compared.flags & FLAG_ASSOCIATED) !== 0) {
      this.compared.name += ";associated";
    }
    return parsed;
  }

  private lookupKnown(index: DirectoryIndex, hash: number, name: string): NodeId {
    return index.table === undefined ? 0 : this.find(index, index.table, hash, name);
  }

  /** Reads on from where no pass has been; a directory too large for an index from its start. */
  private lookupOnward(index: DirectoryIndex, name: string): NodeId {
    const { search, found } = this;
    search.open(index.table === undefined ? index.start : index.start + index.scanned, index.end);
    while (this.step(search, found)) {
      const next = search.next;
      const { node } = found;
      if (this.shownName(index, found, search, next) === name) return node;
      search.seek(next);
    }
    this.finish(index, search);
    return 0;
  }

  /** Takes in what lies before `offset`: after a restart a listing goes on in the middle. */
  private scanTo(index: DirectoryIndex, offset: number): void {
    const { search, found } = this;
    search.open(index.start + index.scanned, index.end);
    while (index.scanned < offset && this.step(search, found)) {
      const next = search.next;
      this.shownName(index, found, search, next);
      search.seek(next);
    }
    if (index.scanned < offset) this.finish(index, search);
  }

  private finish(index: DirectoryIndex, cursor: RecordCursor): void {
    if (cursor.damaged > 0) index.damaged = true;
    index.complete = true;
    index.scanned = index.end - index.start;
  }

  /** Subdirectories that only the path table still knows. */
  private rescued(index: DirectoryIndex): PathTableRecord[] {
    const { table } = index;
    if (!index.damaged || table === undefined) return [];
    return this.pathTable()
      .childrenOf(index.start)
      .filter(({ start, name }) => {
        if (!this.shape.isChild(start, index.start, LOGICAL_SECTOR)) return false;
        const hash = hashBlock(start / LOGICAL_SECTOR);
        for (let slot = table.firstSlot(hash); slot >= 0; slot = table.nextSlot(hash, slot)) {
          if (this.parseAt(index, table.value(slot)) && this.compared.childStart === start) {
            return false;
          }
        }
        return this.find(index, table, hashName(name), name) === 0;
      });
  }

  /** The folder that only holds what is shown elsewhere (RRIP 4.1.5 names none; these are usual). */
  private isRrMoved(entry: Entry): boolean {
    if (this.parser.rockRidge === undefined) return false;
    const name = entry.name.toLowerCase();
    if (name !== "rr_moved" && name !== ".rr_moved") return false;
    if (this.rrMoved?.node !== entry.node) {
      const start = entry.childStart;
      const cursor = new RecordCursor(this.parser.image);
      cursor.open(start, this.shape.end(start));
      let hidden = true;
      while (hidden && cursor.step()) {
        if (dotIdentifier(cursor.bytes, cursor.at) >= 0) continue;
        this.parser.parse(cursor, this.compared);
        hidden = this.compared.relocated;
      }
      this.rrMoved = { node: entry.node, hidden };
    }
    return this.rrMoved.hidden;
  }
}

function ownName(entry: Entry): string {
  return entry.superseded ? `${entry.name};${entry.version}` : entry.name;
}
