/**
 * What a folder's names need beyond a look into the tree: names that show alike, names that no
 * lookup by key finds, leaves that do not end.
 *
 * Nearly every folder is *plain*: its keys ascend, and each name is what a well-behaved writer
 * stores for what it shows as, so no two show alike and the tree finds each. One pass over the
 * keys proves it. In any other folder the odd names are gathered: irregular ones (not decomposed,
 * say, or with a colon), or all of them where the keys do not ascend.
 *
 * Cached least recently used first out: `MAX_SURVEYS` folders with `MAX_CACHED_NAMES` odd names
 * in all. A folder with more odd names than `MAX_ODD_NAMES` is searched record by record.
 */
import { ImageError } from "../../errors.js";
import type { BTreeNode } from "./btree-node.js";
import type { CatalogDialect } from "./catalog-dialect.js";
import { RecordKind } from "./catalog-entry.js";

const MAX_SURVEYS = 4096;
const MAX_CACHED_NAMES = 262_144;
const MAX_ODD_NAMES = 65_536;
/** Names compared with each other while a folder that is not plain is surveyed. */
const MAX_COMPARED_NAMES = 1_000_000;

/** Doubled in genuine names, so that no genuine name looks like a suffixed one. */
const MARK = "\u241b";

/** What a name shows as where one before it, in the same folder, shows alike. */
export function repeatedName(name: string, position: number): string {
  return `${name}${MARK}#${position}`;
}

interface NameSurvey {
  /** By position: the name shown instead, where a record before it shows the same. */
  readonly shownOtherwise: ReadonlyMap<number, string>;
  /** Positions of odd names. */
  readonly odd: ReadonlyMap<string, number>;
  /** `odd` holds all of them. */
  readonly complete: boolean;
}

const PLAIN: NameSurvey = { shownOtherwise: new Map(), odd: new Map(), complete: true };

/** The part of a catalog that surveys read. */
interface FolderReader {
  readonly dialect: CatalogDialect;
  kind(node: BTreeNode, record: number): RecordKind;
  scan(folder: number, position: number, visit: VisitRecord): void;
  byStoredName(folder: number, stored: Uint8Array): number;
  position(node: BTreeNode, record: number): number;
}

/** Receives one record of a folder; returns false to stop. */
export type VisitRecord = (node: BTreeNode, record: number, position: number) => boolean;

type VisitName = (name: string, position: number) => boolean;

export class NameSurveys {
  private readonly surveys = new Map<number, NameSurvey>();
  private cachedNames = 0;

  constructor(private readonly catalog: FolderReader) {}

  /** Throws `corrupt` where the folder's leaves do not end or a key is damaged. */
  of(folder: number): NameSurvey {
    const known = this.surveys.get(folder);
    if (known !== undefined) return known;
    const survey = this.isPlain(folder) ? PLAIN : this.gather(folder);
    this.surveys.set(folder, survey);
    this.cachedNames += survey.odd.size;
    for (const [oldest, old] of this.surveys) {
      if (this.surveys.size <= MAX_SURVEYS && this.cachedNames <= MAX_CACHED_NAMES) break;
      this.surveys.delete(oldest);
      this.cachedNames -= old.odd.size;
    }
    return survey;
  }

  /** Position of an odd name, or -1. */
  find(folder: number, shown: string): number {
    const survey = this.of(folder);
    const known = survey.odd.get(shown);
    if (known !== undefined || survey.complete) return known ?? -1;
    let found = -1;
    this.visitNames(folder, (name, position) => {
      if ((survey.shownOtherwise.get(position) ?? name) === shown) found = position;
      return found < 0;
    });
    return found;
  }

  /**
   * Whether the keys ascend, the names are regular, and the tree finds each. The last is tried for
   * the first and last record of each leaf: a search for one between them takes the same way down,
   * and then bisects records that ascend without a gap.
   */
  private isPlain(folder: number): boolean {
    let plain = true;
    let lastNode: BTreeNode | undefined;
    let lastRecord = -1;
    this.catalog.scan(folder, 0, (node, record) => {
      // Goes on even if it is not: that the leaves end must be known before one entry is shown.
      if (plain && lastNode === node) {
        plain =
          record === lastRecord + 1 &&
          this.isRegular(node, record) &&
          this.compare(node, lastRecord, node, record) < 0;
      } else if (plain) {
        plain = this.isRegular(node, record) && this.isFoundByItself(folder, node, record);
        if (plain && lastNode !== undefined) {
          plain =
            this.isFoundByItself(folder, lastNode, lastRecord) &&
            this.compare(lastNode, lastRecord, node, record) < 0;
        }
      }
      lastNode = node;
      lastRecord = record;
      return true;
    });
    if (!plain || lastNode === undefined) return plain;
    return this.isFoundByItself(folder, lastNode, lastRecord);
  }

  private nameEnd(node: BTreeNode, record: number): number {
    return this.catalog.dialect.nameEnd(node, node.keyStart(record), node.keyEnd(record));
  }

  private isRegular(node: BTreeNode, record: number): boolean {
    const { dialect } = this.catalog;
    const start = dialect.nameStart(node.keyStart(record));
    const end = this.nameEnd(node, record);
    // The thread's name is empty.
    return end === start || dialect.isRegular(node.bytes, start, end);
  }

  private compare(a: BTreeNode, aRecord: number, b: BTreeNode, bRecord: number): number {
    const { dialect } = this.catalog;
    const aStart = dialect.nameStart(a.keyStart(aRecord));
    const bStart = dialect.nameStart(b.keyStart(bRecord));
    const aEnd = this.nameEnd(a, aRecord);
    return dialect.compareNames(a.bytes, aStart, aEnd, b.bytes, bStart, this.nameEnd(b, bRecord));
  }

  private isFoundByItself(folder: number, node: BTreeNode, record: number): boolean {
    const start = this.catalog.dialect.nameStart(node.keyStart(record));
    const stored = node.bytes.subarray(start, this.nameEnd(node, record));
    return this.catalog.byStoredName(folder, stored) === this.catalog.position(node, record);
  }

  private gather(folder: number): NameSurvey {
    const seen = new Set<string>();
    const shownOtherwise = new Map<number, string>();
    const odd = new Map<string, number>();
    let complete = true;
    this.visitNames(folder, (name, position) => {
      const again = seen.has(name);
      const shown = again ? repeatedName(name, position) : name;
      if (again) shownOtherwise.set(position, shown);
      else seen.add(name);
      if (seen.size + shownOtherwise.size > MAX_COMPARED_NAMES) {
        throw new ImageError(
          "limit",
          this.catalog.dialect.format,
          `folder ${folder} has more than ${MAX_COMPARED_NAMES} names, some of them out of order or irregular`,
        );
      }
      if (again || !this.isFoundByKey(folder, name, position)) {
        if (odd.size < MAX_ODD_NAMES) odd.set(shown, position);
        else complete = false;
      }
      return true;
    });
    return { shownOtherwise, odd, complete };
  }

  private isFoundByKey(folder: number, name: string, position: number): boolean {
    const stored = this.catalog.dialect.storedName(name);
    return stored !== undefined && this.catalog.byStoredName(folder, stored) === position;
  }

  private visitNames(folder: number, visit: VisitName): void {
    const { dialect } = this.catalog;
    this.catalog.scan(folder, 0, (node, record, position) => {
      const kind = this.catalog.kind(node, record);
      if (kind !== RecordKind.folder && kind !== RecordKind.file) return true;
      const start = dialect.nameStart(node.keyStart(record));
      return visit(dialect.shownName(node.bytes, start, this.nameEnd(node, record)), position);
    });
  }
}
