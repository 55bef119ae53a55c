/** What a File Entry or Extended File Entry tells to stat(2) (ECMA-167 4/14.6, 4/14.9, 4/14.17). */
import { uint64 } from "./descriptor-tag.js";
import { checkFileEntry, isExtended } from "./file-entry.js";
import { sameTimestamp, timestampNanoseconds, timestampSeconds } from "./timestamp.js";

const FLAG_SETUID = 0x40;
const FLAG_SETGID = 0x80;
const FLAG_STICKY = 0x100;

/** Filled in place, over and over: a listing wants that of one file after the other. */
export class FileStatus {
  strategyType = 0;
  fileType = 0;
  uid = 0;
  gid = 0;
  /** Permissions as in stat(2), with set-id and sticky bits. */
  mode = 0;
  fileLinkCount = 0;
  informationLength = 0;
  logicalBlocksRecorded = 0;
  accessSeconds = 0;
  accessNanoseconds = 0;
  modificationSeconds = 0;
  modificationNanoseconds = 0;
  /** Of the last change of attributes. */
  attributeSeconds = 0;
  attributeNanoseconds = 0;

  /**
   * From the entry at `at` in a block that ends before `end`, its tag already checked; `position` is
   * where in the volume it was read from. Throws as `checkFileEntry`.
   */
  decode(
    view: DataView,
    at: number,
    end: number,
    position: number,
    localOffset: (secondsSince1970: number) => number,
  ): void {
    checkFileEntry(view, at, end, position);
    const extended = isExtended(view, at);
    const flags = view.getUint16(at + 16 + 18, true);
    this.strategyType = view.getUint16(at + 16 + 4, true);
    this.fileType = view.getUint8(at + 16 + 11);
    this.uid = view.getUint32(at + 36, true);
    this.gid = view.getUint32(at + 40, true);
    this.mode = modeOf(view.getUint32(at + 44, true), flags);
    this.fileLinkCount = view.getUint16(at + 48, true);
    this.informationLength = uint64(view, at + 56);
    this.logicalBlocksRecorded = uint64(view, at + (extended ? 72 : 64));
    const access = at + (extended ? 80 : 72);
    const modification = access + 12;
    const attribute = access + (extended ? 36 : 24);
    this.modificationSeconds = timestampSeconds(view, modification, localOffset);
    this.modificationNanoseconds = timestampNanoseconds(view, modification);
    // Most files' times are all the same: so said the program that wrote the disc.
    if (sameTimestamp(view, access, modification)) {
      this.accessSeconds = this.modificationSeconds;
      this.accessNanoseconds = this.modificationNanoseconds;
    } else {
      this.accessSeconds = timestampSeconds(view, access, localOffset);
      this.accessNanoseconds = timestampNanoseconds(view, access);
    }
    if (sameTimestamp(view, attribute, modification)) {
      this.attributeSeconds = this.modificationSeconds;
      this.attributeNanoseconds = this.modificationNanoseconds;
    } else {
      this.attributeSeconds = timestampSeconds(view, attribute, localOffset);
      this.attributeNanoseconds = timestampNanoseconds(view, attribute);
    }
  }
}

/** Five bits each for others, group and owner: execute, write, read, change attributes, delete. */
function modeOf(permissions: number, flags: number): number {
  let mode = (permissions & 0o7) | ((permissions >> 2) & 0o70) | ((permissions >> 4) & 0o700);
  if (flags & FLAG_SETUID) mode |= 0o4000;
  if (flags & FLAG_SETGID) mode |= 0o2000;
  if (flags & FLAG_STICKY) mode |= 0o1000;
  return mode;
}
