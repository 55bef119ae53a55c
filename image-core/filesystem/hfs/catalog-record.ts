/**
 * Catalog directory and file records of HFS (Inside Macintosh: Files, "Catalog File Data Records").
 * Fields are decoded when asked for. Big-endian, dates in local time.
 */
import { corrupt } from "../../errors.js";
import type { CatalogEntry, ForkDescription } from "../apple/catalog-entry.js";
import { readExtents16 } from "../apple/extents-overflow.js";
import { unixFromLocalMac } from "../apple/mac-time.js";

const DIRECTORY_RECORD_BYTES = 70;
const FILE_RECORD_BYTES = 102;
/** Up to dirMdDat: machfs leaves out some of the Finder's information behind it. */
const LEAST_DIRECTORY_BYTES = 18;
/** Up to filRExtRec. */
const LEAST_FILE_BYTES = 98;
/** cdrType of a directory. */
const CDR_DIR_REC = 1;

/** What a record's fields mean depends on the volume too. */
export interface VolumeTraits {
  drAlBlkSiz: number;
  /** Seconds east of UTC of a local time. */
  localOffset(seconds: number): number;
}

export class HfsEntry implements CatalogEntry {
  // No modes, owners and counts of folders.
  readonly fileMode = 0;
  readonly ownerId = 0;
  readonly groupId = 0;
  readonly folderCount = undefined;
  readonly isFolder: boolean;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;

  constructor(
    readonly position: number,
    readonly parentId: number,
    readonly name: string,
    /** The record's own copy. */
    bytes: Uint8Array,
    private readonly traits: VolumeTraits,
  ) {
    this.isFolder = bytes[0] === CDR_DIR_REC;
    const least = this.isFolder ? LEAST_DIRECTORY_BYTES : LEAST_FILE_BYTES;
    if (bytes.length < least) {
      throw corrupt("hfs", `catalog record ${position}`, 0, `${bytes.length} of ${least} bytes`);
    }
    // What a writer left out reads as zeros.
    this.bytes = new Uint8Array(this.isFolder ? DIRECTORY_RECORD_BYTES : FILE_RECORD_BYTES);
    this.bytes.set(bytes.subarray(0, this.bytes.length));
    this.view = new DataView(this.bytes.buffer);
  }

  /** dirDirID, filFlNum */
  get cnid(): number {
    return this.view.getUint32(this.isFolder ? 6 : 20);
  }

  /** dirVal */
  get valence(): number {
    return this.view.getUint16(4);
  }

  /** dirMdDat, filMdDat */
  get modified(): number {
    const created = this.date(this.isFolder ? 10 : 44, 0);
    return this.date(this.isFolder ? 14 : 48, created);
  }

  get changed(): number {
    return this.modified;
  }

  get accessed(): number {
    return this.modified;
  }

  /** dirUsrInfo and dirFndrInfo, filUsrWds and filFndrInfo. */
  get finderInfo(): Uint8Array {
    if (this.isFolder) return this.bytes.slice(22, 54);
    const info = new Uint8Array(32);
    info.set(this.bytes.subarray(4, 20));
    info.set(this.bytes.subarray(56, 72), 16);
    return info;
  }

  /** filLgLen, filPyLen, filExtRec */
  dataFork(): ForkDescription {
    return this.fork(26, 74);
  }

  /** filRLgLen, filRPyLen, filRExtRec */
  resourceFork(): ForkDescription {
    return this.fork(36, 86);
  }

  private fork(lengthsAt: number, extentsAt: number): ForkDescription {
    return {
      logicalSize: this.view.getUint32(lengthsAt),
      totalBlocks: Math.ceil(this.view.getUint32(lengthsAt + 4) / this.traits.drAlBlkSiz),
      extents: readExtents16(this.view, extentsAt),
    };
  }

  private date(at: number, unset: number): number {
    return unixFromLocalMac(this.view.getUint32(at), unset, this.traits.localOffset);
  }
}
