/** An HFS volume, "Mac OS Standard" (Inside Macintosh: Files). */
import type { OpenContext } from "../../format.js";
import type { Catalog } from "../apple/catalog.js";
import type { CatalogEntry, ForkDescription } from "../apple/catalog-entry.js";
import { CatalogVolume } from "../apple/catalog-volume.js";
import { ForkType } from "../apple/extents-overflow.js";
import type { OpenFork } from "../apple/open-forks.js";
import type { StoredForks } from "../apple/stored-forks.js";
import type { VolumeDescription, VolumeStatistics } from "../volume.js";
import type { MasterDirectoryBlock } from "./mdb.js";

/** What makes up an open volume. */
export interface HfsParts {
  mdb: MasterDirectoryBlock;
  forks: StoredForks;
  catalog: Catalog;
}

export class HfsVolume extends CatalogVolume {
  protected readonly allocationBlockSize: number;

  constructor(
    private readonly parts: HfsParts,
    readonly description: VolumeDescription,
    context: OpenContext,
  ) {
    super(parts.catalog, "hfs", context);
    this.allocationBlockSize = parts.mdb.drAlBlkSiz;
  }

  statistics(): VolumeStatistics {
    const { mdb } = this.parts;
    return {
      blockSize: mdb.drAlBlkSiz,
      blocks: mdb.drNmAlBlks,
      freeBlocks: Math.min(mdb.drFreeBks, mdb.drNmAlBlks),
      files: mdb.drFilCnt + mdb.drDirCnt,
      // 31 characters of up to three bytes.
      maxNameBytes: 93,
    };
  }

  // No links, no devices, nothing hidden, nothing compressed, no attributes.

  protected resolve(entry: CatalogEntry): CatalogEntry {
    return entry;
  }

  protected hides(): boolean {
    return false;
  }

  protected linkedParent(): number {
    return 0;
  }

  protected checkNoLoop(): void {}

  protected linkCount(): number {
    return 1;
  }

  protected device(): number {
    return 0;
  }

  protected moreXattrs(): readonly string[] {
    return [];
  }

  protected readMoreXattr(): undefined {
    return undefined;
  }

  protected contentSize(entry: CatalogEntry): number {
    return entry.dataFork().logicalSize;
  }

  protected shownResourceFork(entry: CatalogEntry): ForkDescription | undefined {
    const fork = entry.resourceFork();
    return fork.logicalSize === 0 ? undefined : fork;
  }

  protected openDataFork(entry: CatalogEntry): OpenFork {
    return this.parts.forks.open(entry.cnid, ForkType.data, entry.dataFork());
  }

  protected openResourceFork(entry: CatalogEntry): OpenFork {
    return this.parts.forks.open(entry.cnid, ForkType.resource, entry.resourceFork());
  }
}
