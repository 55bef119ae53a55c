/**
 * The file directory, the only one of a volume (Inside Macintosh II-122). The folders that the
 * Finder shows are a number in each file's Finder information, no part of the file system.
 *
 * Held whole: at most `MAX_FILES` entries, a real volume has some dozens.
 */
import { at } from "../../errors.js";
import type { ByteSource } from "../../source/byte-source.js";
import { readExactly } from "../../source/read-exactly.js";
import { compareNames, type MacNames } from "../apple/mac-names.js";
import { repeatedName } from "../apple/name-survey.js";
import { decodeEntry, entryBytes, type FileDirectoryEntry, isUsed } from "./directory-entry.js";
import { BLOCK_BYTES, type VolumeInformation } from "./volume-information.js";

/** What drNmFls can count. */
const MAX_FILES = 65_535;

export interface ListedFile {
  readonly name: string;
  readonly entry: FileDirectoryEntry;
  /** Place in the listing, from 0. */
  readonly index: number;
  /** Shows under another name, because an entry before it has the same. */
  readonly repeated: boolean;
}

export class Directory {
  readonly files: readonly ListedFile[];
  private readonly byPosition = new Map<number, ListedFile>();
  private readonly byName = new Map<string, ListedFile>();

  constructor(
    entries: readonly FileDirectoryEntry[],
    private readonly names: MacNames,
  ) {
    this.files = entries.map((entry, index) => {
      const shown = names.shownName(entry.flNam, 0, entry.flNam.length);
      const repeated = this.byName.has(shown);
      const name = repeated ? repeatedName(shown, entry.position) : shown;
      const file = { name, entry, index, repeated };
      this.byName.set(name, file);
      this.byPosition.set(entry.position, file);
      return file;
    });
  }

  at(position: number): ListedFile | undefined {
    return this.byPosition.get(position);
  }

  /** By the very name, or else by another spelling of it: case does not count. */
  find(shown: string): ListedFile | undefined {
    const exact = this.byName.get(shown);
    if (exact !== undefined) return exact;
    const stored = this.names.storedName(shown);
    if (stored === undefined) return undefined;
    return this.files.find(({ entry: { flNam }, repeated }) => {
      return !repeated && compareNames(flNam, 0, flNam.length, stored, 0, stored.length) === 0;
    });
  }
}

/**
 * The entries of all blocks. What is damaged is left out and goes to `warnings`; throws `truncated`
 * where the image ends before the first block does.
 */
export function readEntries(
  source: ByteSource,
  { drDirSt, drBlLen }: VolumeInformation,
  warnings: string[],
): FileDirectoryEntry[] {
  const start = drDirSt * BLOCK_BYTES;
  const held = Math.max(1, Math.floor((source.size - start) / BLOCK_BYTES));
  if (held < drBlLen) {
    warnings.push(`the image holds ${held} of the ${drBlLen} blocks of the file directory`);
  }
  const entries: FileDirectoryEntry[] = [];
  let damagedBlocks = 0;
  for (let number = 0; number < Math.min(held, drBlLen); number++) {
    const position = number * BLOCK_BYTES;
    const block = readExactly(source, start + position, BLOCK_BYTES, "mfs", "file directory");
    let offset = 0;
    while (isUsed(block, offset)) {
      const next = offset + entryBytes(block, offset);
      if (next > BLOCK_BYTES) {
        if (damagedBlocks++ === 0) {
          const where = at(start + position + offset);
          warnings.push(`directory entry ${where}: its name leaves the block; it is not shown`);
        }
        break;
      }
      if (entries.length === MAX_FILES) {
        warnings.push(`the file directory has more than ${MAX_FILES} entries`);
        return entries;
      }
      entries.push(decodeEntry(block, offset, position + offset));
      offset = next;
    }
  }
  if (damagedBlocks > 1) warnings.push(`${damagedBlocks} blocks of the file directory are damaged`);
  return entries;
}
