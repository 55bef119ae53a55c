/**
 * Hard links: to files (TN1150, "Hard Links"), and to folders, as Mac OS X 10.5 made them for Time
 * Machine (Apple's hfs_format.h). Both are files that stand for an object in a hidden folder of the
 * root.
 */
import { corrupt, ImageError } from "../../errors.js";
import type { Catalog } from "../apple/catalog.js";
import { type CatalogEntry, ROOT_FOLDER_CNID } from "../apple/catalog-entry.js";
import type { AttributesFile } from "./attributes-file.js";
import type { HfsPlusEntry } from "./catalog-record.js";
import { storedName } from "./name.js";

const FILE_INODES_NAME = "\0\0\0\0HFS+ Private Data";
const FOLDER_INODES_NAME = ".HFS+ Private Directory Data\r";
const FILE_INODE_PREFIX = "iNode";
const FOLDER_INODE_PREFIX = "dir_";
/** Attribute of a folder in the hidden folder: decimal CNID of the first link to it. */
const FIRST_LINK_XATTR = "com.apple.system.hfs.firstlink";

/** Steps upwards that one check makes before it gives up. */
const MAX_STEPS = 100_000;
/** Folders deeper in each other than this are no use to anyone. */
const MAX_NESTING = 256;
/** Folders known to lie on no circle; forgotten all at once. */
const MAX_KNOWN_FOLDERS = 65_536;

export class HardLinks {
  /** CNIDs of the hidden folders, 0 where there are none. */
  readonly fileInodes: number;
  readonly folderInodes: number;
  private readonly safeFolders = new Set<number>();
  private steps = 0;

  constructor(
    private readonly catalog: Catalog,
    private readonly attributesFile: AttributesFile | undefined,
  ) {
    this.fileInodes = this.rootFolder(FILE_INODES_NAME);
    this.folderInodes = this.rootFolder(FOLDER_INODES_NAME);
  }

  /** The object a link stands for; the entry itself where it is no link or leads nowhere. */
  resolve(entry: HfsPlusEntry): HfsPlusEntry {
    if (entry.isFileLink && this.fileInodes !== 0) {
      const inode = this.inode(this.fileInodes, FILE_INODE_PREFIX, entry.special);
      if (inode !== undefined && !inode.isFolder) return inode;
    } else if (entry.isDirectoryLink && this.folderInodes !== 0) {
      const inode = this.inode(this.folderInodes, FOLDER_INODE_PREFIX, entry.special);
      if (inode?.isFolder) return inode;
    }
    return entry;
  }

  /** The folder of the first link to a folder in the hidden folder, or 0. */
  firstParent(folder: CatalogEntry): number {
    return this.firstLink(folder.cnid)?.parentId ?? 0;
  }

  /**
   * Throws where `folder` could lie beneath itself. A circle consists of links that each lie in a
   * folder that links lead to; a link elsewhere, as nearly all are, cannot be part of one.
   */
  checkNoLoop(link: CatalogEntry, folder: CatalogEntry): void {
    this.steps = 0;
    const around = this.linkedFolderAround(link.parentId);
    if (around === 0) return;
    // Seen from `around` upwards, `link` must be known to lead down to `folder`, or a circle through
    // it would not be seen.
    if (!this.linksTo(folder.cnid).some((known) => known.cnid === link.cnid)) {
      throw corrupt("hfsplus", `directory link ${link.cnid}`, 0, "is not among its folder's links");
    }
    this.climb(folder.cnid, new Set());
  }

  /** Visits every linked folder around `folder`, through each of its links. */
  private climb(folder: number, below: Set<number>): void {
    if (this.safeFolders.has(folder)) return;
    if (below.has(folder) || below.size > MAX_NESTING) {
      throw corrupt("hfsplus", `directory links to folder ${folder}`, 0, "lead back to it");
    }
    below.add(folder);
    for (const link of this.linksTo(folder)) {
      const around = this.linkedFolderAround(link.parentId);
      if (around !== 0) this.climb(around, below);
    }
    below.delete(folder);
    if (this.safeFolders.size >= MAX_KNOWN_FOLDERS) this.safeFolders.clear();
    this.safeFolders.add(folder);
  }

  /** The folder of the hidden folder that `folder` lies in or is, or 0. */
  private linkedFolderAround(folder: number): number {
    let cnid = folder;
    while (cnid > ROOT_FOLDER_CNID) {
      this.step();
      const parent = this.catalog.threadParent(cnid);
      if (parent === this.folderInodes) return cnid;
      cnid = parent;
    }
    return 0;
  }

  private linksTo(folder: number): HfsPlusEntry[] {
    const links: HfsPlusEntry[] = [];
    let link = this.firstLink(folder);
    while (link !== undefined) {
      this.step();
      links.push(link);
      link = this.linkByCnid(link.nextLinkId);
    }
    return links;
  }

  private firstLink(folder: number): HfsPlusEntry | undefined {
    const value = this.attributesFile?.value(folder, FIRST_LINK_XATTR);
    if (value === undefined || !("inline" in value)) return undefined;
    return this.linkByCnid(Number.parseInt(Buffer.from(value.inline).toString("latin1"), 10) || 0);
  }

  private linkByCnid(cnid: number): HfsPlusEntry | undefined {
    const position = cnid === 0 ? -1 : this.catalog.byCnid(cnid);
    if (position < 0) return undefined;
    const entry = this.catalog.entryAt(position) as HfsPlusEntry;
    return entry.isDirectoryLink ? entry : undefined;
  }

  private inode(folder: number, prefix: string, number: number): HfsPlusEntry | undefined {
    const stored = storedName(`${prefix}${number}`) as Uint8Array;
    const position = this.catalog.byStoredName(folder, stored);
    return position < 0 ? undefined : (this.catalog.entryAt(position) as HfsPlusEntry | undefined);
  }

  private rootFolder(name: string): number {
    const position = this.catalog.byStoredName(ROOT_FOLDER_CNID, storedName(name) as Uint8Array);
    const entry = position < 0 ? undefined : this.catalog.entryAt(position);
    return entry?.isFolder ? entry.cnid : 0;
  }

  private step(): void {
    if (++this.steps > MAX_STEPS) {
      throw new ImageError("limit", "hfsplus", `directory links take more than ${MAX_STEPS} steps`);
    }
  }
}
