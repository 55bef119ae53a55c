/** One directory as lookups need it: names by hash, subdirectories counted, duplicates settled. */
import type { NodeId } from "../volume.js";
import type { DirectoryStream } from "./directory-stream.js";
import { NameIndex } from "./name-index.js";

/** An entry together with those beside it that carry its name. */
export interface DirectoryEntry {
  /** Safe to show. */
  name: string;
  /** The other name it is found under (8.3); empty where there is none. */
  alias: string;
  node: NodeId;
  directory: boolean;
  firstCluster: number;
  /** Where the set begins, and where the next may. */
  slot: number;
  nextSlot: number;
}

/** Calls `visit` for the entries from `slot` on until it returns false. */
type Scan = (
  stream: DirectoryStream,
  slot: number,
  visit: (entry: DirectoryEntry) => boolean,
) => void;

/** Names that a sound directory does not have: equal to another's, or merely of the same hash. */
const MAX_EXTRAS = 1 << 16;

export class Directory {
  subdirectories = 0;
  /** Why entries are missing, where some are. */
  readonly problem: string | undefined;
  private readonly index = new NameIndex();
  /** Shown name to slot, of names whose hash an earlier entry has. */
  private readonly extras = new Map<string, number>();
  /** Slot to shown name, where an earlier entry has the same. */
  private readonly renamed = new Map<number, string>();
  /** Slots of directories that belong elsewhere. */
  private readonly hidden = new Set<number>();

  /**
   * Reads the whole directory once. `fold` makes names equal that differ in case only; `claim` says
   * whether a subdirectory belongs here.
   */
  constructor(
    private readonly stream: DirectoryStream,
    private readonly scan: Scan,
    private readonly fold: (name: string) => string,
    claim: (entry: DirectoryEntry) => boolean,
  ) {
    const clashing: number[] = [];
    scan(stream, 0, (entry) => {
      if (entry.directory) {
        if (claim(entry)) this.subdirectories++;
        else this.hidden.add(entry.slot);
      }
      if (this.hidden.has(entry.slot)) return true;
      if (!this.index.add(this.fold(entry.name), entry.slot)) clashing.push(entry.slot);
      if (entry.alias !== "") this.index.add(this.fold(entry.alias), entry.slot);
      return clashing.length < MAX_EXTRAS;
    });
    this.problem =
      clashing.length < MAX_EXTRAS
        ? stream.problem
        : `more than ${MAX_EXTRAS} entries have the names of others`;
    this.settle(clashing);
  }

  /** What the directory weighs in a cache, in entries. */
  get weight(): number {
    return this.index.weight + 8 * this.extras.size;
  }

  /** In bytes, as stored. */
  get size(): number {
    return this.stream.size;
  }

  find(name: string): DirectoryEntry | undefined {
    const extra = this.extras.get(name);
    if (extra !== undefined) return this.entryAt(extra);
    const folded = this.fold(name);
    const slot = this.index.find(folded);
    if (slot < 0) return undefined;
    const entry = this.entryAt(slot);
    if (entry === undefined) return undefined;
    return this.fold(entry.name) === folded || this.fold(entry.alias) === folded
      ? entry
      : undefined;
  }

  /** The entries from `slot` on, under the names they are shown by. */
  list(slot: number, visit: (entry: DirectoryEntry) => boolean): void {
    const { hidden, renamed, extras } = this;
    this.scan(this.stream, slot, (entry) => {
      if (hidden.has(entry.slot)) return true;
      if (renamed.size > 0) entry.name = renamed.get(entry.slot) ?? entry.name;
      // Where the limit cut the index short, only what can be looked up is listed.
      if (extras.size === MAX_EXTRAS && this.find(entry.name)?.slot !== entry.slot) return true;
      return visit(entry);
    });
  }

  private entryAt(slot: number): DirectoryEntry | undefined {
    let found: DirectoryEntry | undefined;
    this.scan(this.stream, slot, (entry) => {
      found = { ...entry, name: this.renamed.get(entry.slot) ?? entry.name };
      return false;
    });
    return found;
  }

  /** Gives each entry whose name is taken the first free of `name (2)`, `name (3)` and so on. */
  private settle(slots: readonly number[]): void {
    const counts = new Map<string, number>();
    for (const slot of slots) {
      const entry = this.entryAt(slot);
      if (entry === undefined) continue;
      let name = entry.name;
      let count = counts.get(name) ?? 1;
      while (this.find(name)?.name === name) name = `${entry.name} (${++count})`;
      counts.set(entry.name, count);
      if (name !== entry.name) this.renamed.set(slot, name);
      this.extras.set(name, slot);
    }
  }
}
