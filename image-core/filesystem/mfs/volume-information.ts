/**
 * The volume information, with which the master directory block begins (Inside Macintosh II-121,
 * "Volume Information"). All fields big-endian.
 */
import { corrupt } from "../../errors.js";

export const BLOCK_BYTES = 512;
/** Logical block 2. */
export const VOLUME_INFORMATION_OFFSET = 1024;
/** The block map follows at once. */
export const VOLUME_INFORMATION_BYTES = 64;
/**
 * From the end of the volume to the copy of both master directory blocks that formatting leaves
 * there. Never updated: its block map is that of an empty volume, its file count 0.
 */
export const BACKUP_DISTANCE = 1024;

const SIGNATURE = 0xd2d7;
/** System startup information and master directory block come before anything else. */
const FIRST_FREE_BLOCK = 4;
const MAX_VOLUME_NAME_BYTES = 27;

export interface VolumeInformation {
  /** Mac time, local. */
  drCrDate: number;
  /** Mac time, local. Named after a backup, yet the File Manager stores the last change here. */
  drLsBkUp: number;
  drAtrb: number;
  drNmFls: number;
  /** First block of the file directory, and its length in blocks. */
  drDirSt: number;
  drBlLen: number;
  drNmAlBlks: number;
  /** In bytes. */
  drAlBlkSiz: number;
  /** Block at which the allocation blocks begin; the first of them is number 2. */
  drAlBlSt: number;
  drFreeBks: number;
  drVN: Uint8Array;
}

/** A signature with plausible fields behind it. */
export function looksLikeVolumeInformation(bytes: Uint8Array, offset: number): boolean {
  if (offset < 0 || offset + VOLUME_INFORMATION_BYTES > bytes.length) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, VOLUME_INFORMATION_BYTES);
  return view.getUint16(0) === SIGNATURE && implausible(view) === undefined;
}

/** Throws `corrupt` for another signature or impossible fields. `offset`: for errors. */
export function decodeVolumeInformation(bytes: Uint8Array, offset: number): VolumeInformation {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const drSigWord = view.getUint16(0);
  const problem =
    drSigWord === SIGNATURE ? implausible(view) : `signature 0x${drSigWord.toString(16)}`;
  if (problem !== undefined) throw corrupt("mfs", "volume information", offset, problem);
  return {
    drCrDate: view.getUint32(0x02),
    drLsBkUp: view.getUint32(0x06),
    drAtrb: view.getUint16(0x0a),
    drNmFls: view.getUint16(0x0c),
    drDirSt: view.getUint16(0x0e),
    drBlLen: view.getUint16(0x10),
    drNmAlBlks: view.getUint16(0x12),
    drAlBlkSiz: view.getUint32(0x14),
    drAlBlSt: view.getUint16(0x1c),
    drFreeBks: view.getUint16(0x22),
    drVN: bytes.slice(0x25, 0x25 + bytes[0x24]),
  };
}

function implausible(view: DataView): string | undefined {
  const drDirSt = view.getUint16(0x0e);
  if (drDirSt < FIRST_FREE_BLOCK) return `the file directory starts at block ${drDirSt}`;
  if (view.getUint16(0x12) === 0) return "no allocation blocks";
  const drAlBlkSiz = view.getUint32(0x14);
  if (drAlBlkSiz === 0 || drAlBlkSiz % BLOCK_BYTES !== 0) {
    return `allocation block size ${drAlBlkSiz}`;
  }
  const drAlBlSt = view.getUint16(0x1c);
  if (drAlBlSt < FIRST_FREE_BLOCK) return `the allocation blocks start at block ${drAlBlSt}`;
  const nameBytes = view.getUint8(0x24);
  if (nameBytes > MAX_VOLUME_NAME_BYTES) return `a volume name of ${nameBytes} bytes`;
  return undefined;
}
