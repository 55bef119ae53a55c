/**
 * A directory's entries under the names that are shown, ready for lookup by name in any case.
 *
 * Up to 400,000 entries are held while in use; a larger directory is streamed from its blocks,
 * where duplicate names are not told apart.
 */
import type { ImageError } from "../../errors.js";
import { visitIndex } from "./directory-index.js";
import { decodeFileName, type FileName } from "./file-name.js";
import type { FileRecord } from "./mft.js";
import type { Disk } from "./stream.js";

/** Entries of one directory, and of all that are held: about 100 bytes of memory each. */
export const MAX_LISTED = 400_000;
/** Records below this are the filesystem's own; they can be looked up but are not listed. */
const FIRST_USER_RECORD = 16;

export class DirectoryListing {
  readonly names: string[] = [];
  readonly records: number[] = [];
  readonly cookies: number[] = [];
  /** What could not be read of it. */
  readonly damage: ImageError | undefined;
  /** Whether the directory has more entries than are held: then nothing here counts. */
  readonly tooLarge: boolean;
  /** What has more than one name here: allowed for files, damage for directories. */
  readonly repeatedly = new Set<number>();
  private readonly byName = new Map<string, number>();
  private folded: Map<string, number> | undefined;
  /** By names met more than once: the number that the next one may get. */
  private readonly repeated = new Map<string, number>();

  constructor(disk: Disk, directory: FileRecord) {
    const met = new Set<number>();
    this.damage = visitNames(disk, directory, 0, ({ name }, record, cookie) => {
      const unused = this.unused(name);
      this.byName.set(unused, record);
      if (met.has(record)) this.repeatedly.add(record);
      met.add(record);
      if (!isHidden(record)) {
        this.names.push(unused);
        this.records.push(record);
        this.cookies.push(cookie);
      }
      return this.byName.size <= MAX_LISTED;
    });
    this.tooLarge = this.byName.size > MAX_LISTED;
    if (this.tooLarge) {
      this.byName.clear();
      for (const list of [this.names, this.records, this.cookies]) list.length = 0;
    }
  }

  /** Index of the first entry behind a cookie. */
  indexBehind(cookie: number): number {
    let low = 0;
    let high = this.cookies.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.cookies[middle] <= cookie) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The record under this very name; undefined where there is none. */
  lookup(name: string): number | undefined {
    return this.byName.get(name);
  }

  /** The record under this name in any case. */
  lookupFolded(name: string, fold: (name: string) => string): number | undefined {
    if (this.folded === undefined) {
      this.folded = new Map();
      for (const [shown, record] of this.byName) {
        const key = fold(shown);
        if (!this.folded.has(key)) this.folded.set(key, record);
      }
    }
    return this.folded.get(fold(name));
  }

  private unused(name: string): string {
    if (!this.byName.has(name)) return name;
    // From the number used last: a directory of nothing but one name must not take for ever.
    for (let number = this.repeated.get(name) ?? 2; ; number++) {
      const other = `${name}~${number}`;
      if (this.byName.has(other)) continue;
      this.repeated.set(name, number + 1);
      return other;
    }
  }
}

/** Visits all but DOS aliases and the root's entry for itself. Returns the first damage met. */
export function visitNames(
  disk: Disk,
  directory: FileRecord,
  cookie: number,
  visit: (name: FileName, record: number, nextCookie: number) => boolean,
): ImageError | undefined {
  return visitIndex(disk, directory, cookie, (bytes, start, end, record, next) => {
    const name = decodeFileName(bytes, start, end);
    if (name === undefined || record === directory.number) return true;
    return visit(name, record, next);
  });
}

export function isHidden(record: number): boolean {
  return record < FIRST_USER_RECORD;
}
