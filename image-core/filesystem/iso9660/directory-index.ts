/**
 * What was learned of a directory while it was listed or searched: which names are taken and where
 * their records lie. Grows with the first pass over the directory; bounded over all directories.
 */
import { at, ImageError } from "../../errors.js";
import { NameTable } from "./name-table.js";

/** Entries over all indexed directories: 16 bytes each. Least recently used directory out first. */
const MAX_ENTRIES = 1_000_000;
const MAX_DIRECTORIES = 4096;
/** Names that had to be changed or hidden, in one directory. */
const MAX_RENAMED = 65_536;

export class DirectoryIndex {
  /** Offset within the directory up to which records were taken in. */
  scanned = 0;
  /** The whole directory was. */
  complete = false;
  /** Sectors were skipped, or `.` is not there: the path table may know more. */
  damaged = false;
  /** Undefined: the directory is too large; it is searched by reading it. */
  table: NameTable | undefined = new NameTable();
  /** By offset within the directory: the name shown instead of the record's; empty: not shown. */
  readonly renamed = new Map<number, string>();

  constructor(
    /** Byte offsets in the image. */
    readonly start: number,
    readonly end: number,
  ) {}

  rename(offset: number, name: string): string {
    if (this.renamed.size >= MAX_RENAMED) {
      throw new ImageError(
        "limit",
        "iso9660",
        `directory ${at(this.start)}: more than ${MAX_RENAMED} entries of the same names`,
      );
    }
    this.renamed.set(offset, name);
    return name;
  }
}

export class DirectoryIndexes {
  private readonly indexes = new Map<number, DirectoryIndex>();
  private entries = 0;

  get(start: number): DirectoryIndex | undefined {
    const index = this.indexes.get(start);
    if (index !== undefined && this.indexes.size > MAX_DIRECTORIES / 2) {
      this.indexes.delete(start);
      this.indexes.set(start, index);
    }
    return index;
  }

  add(index: DirectoryIndex): void {
    this.indexes.set(index.start, index);
    if (this.indexes.size > MAX_DIRECTORIES) this.evict(index);
  }

  /** Notes that `index` has one entry more; drops others, and at last its own, to stay in bounds. */
  grew(index: DirectoryIndex): void {
    // Dropped while a listing still used it: no longer counted.
    if (this.indexes.get(index.start) !== index) return;
    this.entries++;
    while (this.entries > MAX_ENTRIES && this.evict(index));
    if (this.entries > MAX_ENTRIES && index.table !== undefined) {
      this.entries -= index.table.count;
      index.table = undefined;
    }
  }

  private evict(but: DirectoryIndex): boolean {
    for (const [start, index] of this.indexes) {
      if (index === but) continue;
      this.indexes.delete(start);
      this.entries -= index.table?.count ?? 0;
      return true;
    }
    return false;
  }
}
