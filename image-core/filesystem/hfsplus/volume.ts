/** An HFS+ or HFSX volume (TN1150). */
import type { OpenContext } from "../../format.js";
import type { Catalog } from "../apple/catalog.js";
import {
  type CatalogEntry,
  type ForkDescription,
  ROOT_FOLDER_CNID,
} from "../apple/catalog-entry.js";
import { CatalogVolume } from "../apple/catalog-volume.js";
import {
  DECMPFS_XATTR,
  type DecmpfsHeader,
  DecmpfsSource,
  decodeDecmpfsHeader,
  usesResourceFork,
} from "../apple/decmpfs.js";
import { ForkType } from "../apple/extents-overflow.js";
import { openFork } from "../apple/fork.js";
import type { OpenFork } from "../apple/open-forks.js";
import { readAttribute } from "../apple/read-attribute.js";
import type { StoredForks } from "../apple/stored-forks.js";
import type { VolumeDescription, VolumeStatistics } from "../volume.js";
import type { AttributesFile } from "./attributes-file.js";
import type { HfsPlusEntry } from "./catalog-record.js";
import type { HardLinks } from "./links.js";
import type { VolumeHeader } from "./volume-header.js";

const XATTR_PREFIX = "user.";
/** What an open compressed file keeps, counted in extents: its chunks. */
const COMPRESSED_WEIGHT = 16_384;
/** Sizes of compressed files that were asked for; forgotten all at once. */
const MAX_KNOWN_HEADERS = 16_384;
/** Names of the journal's files in the root. */
const JOURNAL_NAMES: ReadonlySet<string> = new Set([".journal", ".journal_info_block"]);

/** What makes up an open volume. */
export interface HfsPlusParts {
  header: VolumeHeader;
  forks: StoredForks;
  catalog: Catalog;
  /** Undefined where no file has attributes. */
  attributesFile: AttributesFile | undefined;
  links: HardLinks;
  /** Its own files are hidden. */
  isJournaled: boolean;
}

export class HfsPlusVolume extends CatalogVolume {
  protected readonly allocationBlockSize: number;
  /** By CNID; null for a file that only claims to be compressed. */
  private readonly decmpfsHeaders = new Map<number, DecmpfsHeader | null>();

  constructor(
    private readonly parts: HfsPlusParts,
    readonly description: VolumeDescription,
    context: OpenContext,
  ) {
    super(parts.catalog, "hfsplus", context);
    this.allocationBlockSize = parts.header.blockSize;
  }

  statistics(): VolumeStatistics {
    const { header } = this.parts;
    return {
      blockSize: header.blockSize,
      blocks: header.totalBlocks,
      freeBlocks: Math.min(header.freeBlocks, header.totalBlocks),
      files: header.fileCount + header.folderCount,
      // 255 UTF-16 code units of up to three bytes.
      maxNameBytes: 765,
    };
  }

  protected resolve(entry: CatalogEntry): CatalogEntry {
    return this.parts.links.resolve(entry as HfsPlusEntry);
  }

  protected hides(entry: CatalogEntry): boolean {
    if (entry.parentId !== ROOT_FOLDER_CNID) return false;
    const { links, isJournaled } = this.parts;
    if (entry.isFolder) return entry.cnid === links.fileInodes || entry.cnid === links.folderInodes;
    return isJournaled && JOURNAL_NAMES.has(entry.name);
  }

  protected linkedParent(entry: CatalogEntry): number {
    const { links } = this.parts;
    return links.folderInodes !== 0 && entry.parentId === links.folderInodes
      ? links.firstParent(entry)
      : 0;
  }

  protected checkNoLoop(link: CatalogEntry, folder: CatalogEntry): void {
    this.parts.links.checkNoLoop(link, folder);
  }

  protected linkCount(entry: CatalogEntry): number {
    if (!entry.isFolder) {
      const shared = entry.parentId === this.parts.links.fileInodes;
      return shared ? Math.max(1, (entry as HfsPlusEntry).special) : 1;
    }
    // 1 tells programs that the folders within are not counted.
    return entry.folderCount === undefined ? 1 : 2 + entry.folderCount;
  }

  protected device(entry: CatalogEntry): number {
    return (entry as HfsPlusEntry).special;
  }

  protected contentSize(entry: CatalogEntry): number {
    return this.decmpfsHeader(entry)?.uncompressedSize ?? entry.dataFork().logicalSize;
  }

  protected openDataFork(entry: CatalogEntry): OpenFork {
    const header = this.decmpfsHeader(entry);
    if (header === undefined) {
      return this.parts.forks.open(entry.cnid, ForkType.data, entry.dataFork());
    }
    const attribute = this.storedXattr(entry.cnid, DECMPFS_XATTR) as Uint8Array;
    const resourceFork = this.openResourceFork(entry);
    return {
      source: new DecmpfsSource(header, attribute, resourceFork.source, this.format),
      weight: resourceFork.weight + COMPRESSED_WEIGHT,
    };
  }

  protected openResourceFork(entry: CatalogEntry): OpenFork {
    return this.parts.forks.open(entry.cnid, ForkType.resource, entry.resourceFork());
  }

  protected shownResourceFork(entry: CatalogEntry): ForkDescription | undefined {
    const fork = entry.resourceFork();
    if (fork.logicalSize === 0) return undefined;
    const header = this.decmpfsHeader(entry);
    return header !== undefined && usesResourceFork(header) ? undefined : fork;
  }

  protected moreXattrs(entry: CatalogEntry): readonly string[] {
    return [...this.xattrNames(entry).keys()];
  }

  protected readMoreXattr(entry: CatalogEntry, name: string): Uint8Array | undefined {
    const stored = this.xattrNames(entry).get(name);
    return stored === undefined ? undefined : this.storedXattr(entry.cnid, stored);
  }

  /**
   * Stored names by shown ones. Linux stores `user.` with the name: such a name is shown as it is,
   * unless the bare name is there as well.
   */
  private xattrNames(entry: CatalogEntry): Map<string, string> {
    const shown = new Map<string, string>();
    const stored = this.parts.attributesFile?.names(entry.cnid) ?? [];
    for (const name of stored) {
      if (name === DECMPFS_XATTR && this.decmpfsHeader(entry) !== undefined) continue;
      const whole =
        name.startsWith(XATTR_PREFIX) && !stored.includes(name.slice(XATTR_PREFIX.length));
      shown.set(whole && name !== XATTR_PREFIX ? name : XATTR_PREFIX + name, name);
    }
    return shown;
  }

  private storedXattr(fileId: number, name: string): Uint8Array | undefined {
    const { attributesFile, forks } = this.parts;
    const value = attributesFile?.value(fileId, name);
    if (value === undefined) return undefined;
    if ("inline" in value) return value.inline;
    const { volume, blocks } = forks;
    const what = `attribute ${name} of CNID ${fileId}`;
    const fork = openFork(volume, blocks, value.fork, this.format, what, (fileBlock) =>
      attributesFile?.extents(fileId, name, fileBlock),
    );
    return readAttribute(fork, this.format, name);
  }

  /** Undefined for a file that is not compressed. */
  private decmpfsHeader(entry: CatalogEntry): DecmpfsHeader | undefined {
    if (!(entry as HfsPlusEntry).isCompressed) return undefined;
    const known = this.decmpfsHeaders.get(entry.cnid);
    if (known !== undefined) return known ?? undefined;
    const attribute = this.storedXattr(entry.cnid, DECMPFS_XATTR);
    const header = attribute && decodeDecmpfsHeader(attribute, this.format);
    if (this.decmpfsHeaders.size >= MAX_KNOWN_HEADERS) this.decmpfsHeaders.clear();
    this.decmpfsHeaders.set(entry.cnid, header ?? null);
    return header;
  }
}
