/**
 * A directory's entries under the names that are shown, ready for lookup by name.
 *
 * Up to 400,000 entries are held while in use; a larger directory is streamed from its blocks,
 * where duplicate names are not told apart.
 */
import type { ImageError } from "../../errors.js";
import type { MapContext } from "./block-map.js";
import { visitEntries } from "./directory.js";
import type { OpenFile } from "./file-contents.js";
import { InodeFlag } from "./inode.js";
import { entryName } from "./names.js";
import { noKeyName } from "./no-key-name.js";

/** Entries of one directory, and of all that are held: about 100 bytes of memory each. */
export const MAX_LISTED = 400_000;

export class DirectoryListing {
  readonly names: string[] = [];
  readonly inodes: number[] = [];
  /** Byte offset in the directory behind each entry. */
  readonly nexts: number[] = [];
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

  constructor(context: MapContext, directory: OpenFile) {
    const shown = shownNames(context, directory);
    const met = new Set<number>();
    this.damage = visitEntries(context, directory, 0, (bytes, start, end, inode, next) => {
      if (isDots(bytes, start, end)) return true;
      const name = this.unused(shown(bytes, start, end));
      this.byName.set(name, inode);
      if (met.has(inode)) this.repeatedly.add(inode);
      met.add(inode);
      this.names.push(name);
      this.inodes.push(inode);
      this.nexts.push(next);
      return this.names.length <= MAX_LISTED;
    });
    this.tooLarge = this.names.length > MAX_LISTED;
    if (this.tooLarge) this.forget();
  }

  /** Index of the first entry behind a cookie. */
  indexBehind(cookie: number): number {
    let low = 0;
    let high = this.nexts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.nexts[middle] <= cookie) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The inode under this very name, or 0. */
  lookup(name: string): number {
    return this.byName.get(name) ?? 0;
  }

  /** The inode under this name in any case, or 0: for directories with casefold. */
  lookupFolded(name: string): number {
    if (this.folded === undefined) {
      this.folded = new Map();
      for (const [shown, inode] of this.byName) {
        const key = fold(shown);
        if (!this.folded.has(key)) this.folded.set(key, inode);
      }
    }
    return this.folded.get(fold(name)) ?? 0;
  }

  private forget(): void {
    this.byName.clear();
    for (const list of [this.names, this.inodes, this.nexts]) list.length = 0;
  }

  /** A damaged directory may hold a name twice, and two spellings may be one in NFC. */
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

/** What turns a directory's stored names into shown ones. */
export function shownNames(
  context: MapContext,
  directory: OpenFile,
): (bytes: Buffer, start: number, end: number) => string {
  if ((directory.inode.flags & InodeFlag.encrypt) === 0) return entryName;
  return (bytes, start, end) => noKeyName(context, directory, bytes.subarray(start, end));
}

export function isDots(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  return (
    (length === 1 && bytes[start] === 0x2e) ||
    (length === 2 && bytes[start] === 0x2e && bytes[start + 1] === 0x2e)
  );
}

/** By way of upper case, so that what folds to several letters does (`ß` to `ss`), as in Unicode's full folding. */
function fold(name: string): string {
  return name.normalize("NFD").toUpperCase().toLowerCase().normalize("NFC");
}
