/**
 * Catalog folder and file records of HFS+ (TN1150, "Catalog Folder Records", "Catalog File Records",
 * and the later fields of Apple's hfs_format.h). Fields are decoded when asked for. Big-endian.
 */
import { corrupt } from "../../errors.js";
import type { CatalogEntry, ForkDescription } from "../apple/catalog-entry.js";
import { unixFromMac } from "../apple/mac-time.js";
import { S_IFLNK, S_IFMT } from "../volume.js";
import { HfsPlusForkData } from "./fork-data.js";

const FOLDER_RECORD_BYTES = 88;
const FILE_RECORD_BYTES = 248;

/** recordType of a folder. */
const HFS_PLUS_FOLDER_RECORD = 1;

/** Bits of `flags`. */
const HFS_HAS_FOLDER_COUNT_MASK = 0x10;

/** Bits of `permissions.ownerFlags`. */
const UF_COMPRESSED = 0x20;

/** Finder types and creators, as big-endian numbers. */
const FourCharCode = {
  /** `hlnk`, `hfs+` */
  hardLinkType: 0x686c6e6b,
  hardLinkCreator: 0x6866732b,
  /** `fdrp`, `MACS` */
  aliasType: 0x66647270,
  aliasCreator: 0x4d414353,
  /** `slnk`, `rhap` */
  symlinkType: 0x736c6e6b,
  symlinkCreator: 0x72686170,
} as const;

export class HfsPlusEntry implements CatalogEntry {
  private readonly view: DataView;

  constructor(
    readonly position: number,
    readonly parentId: number,
    readonly name: string,
    /** The record's own copy. */
    private readonly bytes: Uint8Array,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const least = this.isFolder ? FOLDER_RECORD_BYTES : FILE_RECORD_BYTES;
    if (bytes.length < least) {
      throw corrupt(
        "hfsplus",
        `catalog record ${position}`,
        0,
        `${bytes.length} of ${least} bytes`,
      );
    }
  }

  get isFolder(): boolean {
    return this.view.getUint16(0) === HFS_PLUS_FOLDER_RECORD;
  }

  get valence(): number {
    return this.view.getUint32(4);
  }

  /** hl_firstLinkID: of a file that links share, the CNID of the first of them. */
  get firstLinkId(): number {
    return this.view.getUint32(4);
  }

  get cnid(): number {
    return this.view.getUint32(8);
  }

  get modified(): number {
    return unixFromMac(this.view.getUint32(16), this.created);
  }

  get changed(): number {
    return unixFromMac(this.view.getUint32(20), this.modified);
  }

  get accessed(): number {
    return unixFromMac(this.view.getUint32(24), this.modified);
  }

  private get created(): number {
    return unixFromMac(this.view.getUint32(12), 0);
  }

  // HFSPlusBSDInfo

  get ownerId(): number {
    return this.view.getUint32(32);
  }

  get groupId(): number {
    return this.view.getUint32(36);
  }

  get isCompressed(): boolean {
    return !this.isFolder && (this.view.getUint8(41) & UF_COMPRESSED) !== 0;
  }

  get fileMode(): number {
    const mode = this.view.getUint16(42);
    // Mac OS 9 stores no modes, yet knows symbolic links by their Finder type.
    if ((mode & S_IFMT) === 0 && this.isSymlinkByType) return S_IFLNK | 0o755;
    return (mode & S_IFMT) === 0 ? 0 : mode;
  }

  /** iNodeNum, linkCount or rawDevice, by what the record is. */
  get special(): number {
    return this.view.getUint32(44);
  }

  /** hl_prevLinkID of a link record, where other records have their owner. */
  get previousLinkId(): number {
    return this.view.getUint32(32);
  }

  /** hl_nextLinkID of a link record, where other records have their group. */
  get nextLinkId(): number {
    return this.view.getUint32(36);
  }

  /**
   * As macOS shows it: without the fields that it keeps to itself (document_id, date_added,
   * write_gen_counter) and without the type that makes a file a symbolic link.
   */
  get finderInfo(): Uint8Array {
    const info = this.bytes.slice(48, 80);
    info.fill(0, 16, 24);
    info.fill(0, 28, 32);
    if (!this.isFolder && (this.fileMode & S_IFMT) === S_IFLNK) info.fill(0, 0, 8);
    return info;
  }

  get folderCount(): number | undefined {
    const counted = (this.view.getUint16(2) & HFS_HAS_FOLDER_COUNT_MASK) !== 0;
    return this.isFolder && counted ? this.view.getUint32(84) : undefined;
  }

  dataFork(): ForkDescription {
    return new HfsPlusForkData(this.view, 88);
  }

  resourceFork(): ForkDescription {
    return new HfsPlusForkData(this.view, 168);
  }

  /** A file that stands for another, in the metadata folder. */
  get isFileLink(): boolean {
    return this.hasType(FourCharCode.hardLinkType, FourCharCode.hardLinkCreator);
  }

  /** A file that may stand for a folder: other aliases look the same but for their iNodeNum. */
  get isDirectoryLink(): boolean {
    return this.hasType(FourCharCode.aliasType, FourCharCode.aliasCreator) && this.special !== 0;
  }

  private get isSymlinkByType(): boolean {
    return this.hasType(FourCharCode.symlinkType, FourCharCode.symlinkCreator);
  }

  private hasType(type: number, creator: number): boolean {
    return (
      !this.isFolder && this.view.getUint32(48) === type && this.view.getUint32(52) === creator
    );
  }
}
