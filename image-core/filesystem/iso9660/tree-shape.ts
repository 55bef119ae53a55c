/**
 * Which directory lies in which, and how long each is: from the `.` and `..` records that every
 * directory begins with, so that nothing has to be remembered.
 */
import { dotIdentifier, LOGICAL_SECTOR } from "./directory-record.js";
import { directoryLength } from "./dot-record.js";
import { Entry } from "./entry.js";
import { RecordCursor } from "./record-cursor.js";
import type { RecordParser } from "./record-parser.js";

/** Directories of a tree whose `..` records lie. The rest of such a tree is not shown. */
const MAX_SURVEYED = 262_144;
/** Lengths of directories without a `.` that says it. */
const MAX_LENGTHS = 4096;

export class TreeShape {
  private readonly lengths = new Map<number, number>();
  /** Parents by reading the tree from its root; made when a `..` record was found to lie. */
  private surveyed: Map<number, number> | undefined;
  private readonly entry = new Entry();

  constructor(
    private readonly parser: RecordParser,
    private readonly rootStart: number,
  ) {}

  hasDot(start: number): boolean {
    return directoryLength(this.parser.image, start) > 0;
  }

  /** Byte offset behind the directory that begins at `start`. */
  end(start: number): number {
    const length = directoryLength(this.parser.image, start);
    return start + (length || (this.lengths.get(start) ?? LOGICAL_SECTOR));
  }

  /** Notes the length that a parent gives for a directory that cannot tell its own. */
  noteLength(start: number, length: number): void {
    if (this.lengths.size < MAX_LENGTHS) this.lengths.set(start, length);
  }

  parentStart(start: number): number {
    const parent = this.surveyed?.get(start) ?? this.dotDot(start);
    return parent >= 0 ? parent : this.rootStart;
  }

  /** Does the directory at `child` lie in the one at `parent`, and nowhere else? */
  isChild(child: number, parent: number, length: number): boolean {
    if (child === this.rootStart || child === parent) return false;
    if (child > this.parser.image.lastStart) return false;
    if (!this.hasDot(child)) this.noteLength(child, length);
    if (this.surveyed === undefined && this.dotDot(child) === parent) return true;
    // Once one `..` lies none is believed, or two that contradict each other could close a loop.
    this.surveyed ??= this.survey();
    return this.surveyed.get(child) === parent;
  }

  /** What the `..` record (or its PL entry) says; -1 where there is none. */
  private dotDot(start: number): number {
    const { image } = this.parser;
    const cursor = new RecordCursor(image);
    cursor.open(start, Math.min(start + LOGICAL_SECTOR, image.source.size));
    for (let i = 0; i < 2 && cursor.step(); i++) {
      if (dotIdentifier(cursor.bytes, cursor.at) !== 1) continue;
      this.parser.parse(cursor, this.entry);
      const { parentBlock, childStart } = this.entry;
      return parentBlock > 0 ? parentBlock * image.blockSize : childStart;
    }
    return -1;
  }

  /** Every directory's parent, the one nearest to the root first. */
  private survey(): Map<number, number> {
    const parents = new Map<number, number>();
    const queue = [this.rootStart];
    const cursor = new RecordCursor(this.parser.image);
    const entry = new Entry();
    for (let i = 0; i < queue.length; i++) {
      const parent = queue[i];
      const end = Math.min(this.end(parent), this.parser.image.source.size);
      cursor.open(parent, end);
      while (cursor.step()) {
        if (dotIdentifier(cursor.bytes, cursor.at) >= 0) continue;
        this.parser.parse(cursor, entry);
        const child = entry.childStart;
        if (child === 0 || entry.relocated) continue;
        if (child === this.rootStart || parents.has(child)) continue;
        if (parents.size >= MAX_SURVEYED) return parents;
        parents.set(child, parent);
        if (!this.hasDot(child)) this.noteLength(child, entry.stored);
        queue.push(child);
      }
    }
    return parents;
  }
}
