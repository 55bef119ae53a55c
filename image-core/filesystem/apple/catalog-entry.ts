/** A folder or file of a catalog, as both HFS and HFS+ can tell it. */
import type { ExtentRecord } from "./extents.js";

/** What a catalog leaf record describes, as both filesystems number it; 0 for any other type. */
export const RecordKind = {
  unknown: 0,
  folder: 1,
  file: 2,
  folderThread: 3,
  fileThread: 4,
} as const;
export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind];

/** Of the number that a record begins with. */
export function recordKind(type: number): RecordKind {
  return type >= RecordKind.folder && type <= RecordKind.fileThread
    ? (type as RecordKind)
    : RecordKind.unknown;
}

/** CNIDs below 16 are reserved (TN1150, "Catalog Node IDs"). */
export const ROOT_PARENT_CNID = 1;
export const ROOT_FOLDER_CNID = 2;

/** One fork, as its catalog record describes it. */
export interface ForkDescription {
  /** In bytes. */
  logicalSize: number;
  /** Allocation blocks, the whole fork's. */
  totalBlocks: number;
  /** The first 3 (HFS) or 8 (HFS+). */
  extents: ExtentRecord;
}

export interface CatalogEntry {
  /** Of the record within its tree: leaf node number times slots a node, plus record index. */
  readonly position: number;
  /** The folder that the record lies in. */
  readonly parentId: number;
  /** Safe, NFC; the folder may show it under another (name-survey.ts). */
  readonly name: string;
  readonly isFolder: boolean;
  readonly cnid: number;

  /** Folders: files and folders in it. */
  readonly valence: number;
  /** Folders: folders in it; undefined where the volume does not count them. */
  readonly folderCount: number | undefined;

  /** Seconds since 1970. */
  readonly modified: number;
  readonly changed: number;
  readonly accessed: number;

  /** Mode, owner and group; mode 0 where the writer knew of no such thing. */
  readonly fileMode: number;
  readonly ownerId: number;
  readonly groupId: number;

  /** FInfo and FXInfo, or DInfo and DXInfo: 32 bytes, as `com.apple.FinderInfo` shows them. */
  readonly finderInfo: Uint8Array;

  /** Files only. */
  dataFork(): ForkDescription;
  resourceFork(): ForkDescription;
}
