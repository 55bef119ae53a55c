/**
 * The Master Directory Block (Inside Macintosh: Files, "Master Directory Blocks"). All fields
 * big-endian.
 */
import { corrupt } from "../../errors.js";
import type { ForkDescription } from "../apple/catalog-entry.js";
import { readExtents16 } from "../apple/extents-overflow.js";

export const MDB_OFFSET = 1024;
/** Up to the last field. */
export const MDB_BYTES = 162;
/** From the alternate MDB to the end of the volume. */
export const ALTERNATE_MDB_DISTANCE = 1024;

const SIGNATURE_HFS = 0x4244;
const SIGNATURE_HFS_PLUS = 0x482b;
const SIGNATURE_HFSX = 0x4858;
/** Str27 */
const MAX_VOLUME_NAME_BYTES = 27;

/** Bit of drAtrb: set while nothing changes. */
export const DR_ATRB_UNMOUNTED = 1 << 8;

export interface MasterDirectoryBlock {
  /** Mac time, local. */
  drCrDate: number;
  drAtrb: number;
  drNmAlBlks: number;
  /** In bytes. */
  drAlBlkSiz: number;
  /** Of allocation block 0, in sectors of 512 bytes. */
  drAlBlSt: number;
  drFreeBks: number;
  drFilCnt: number;
  drDirCnt: number;
  /** drFndrInfo[0]: CNID of the blessed folder. */
  systemFolder: number;
  /** drXTFlSize, drXTExtRec */
  extentsFile: ForkDescription;
  /** drCTFlSize, drCTExtRec */
  catalogFile: ForkDescription;
}

/** A signature with plausible fields behind it, that wraps no HFS+ volume. */
export function looksLikeMdb(bytes: Uint8Array, offset: number): boolean {
  if (offset < 0 || offset + MDB_BYTES > bytes.length) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, MDB_BYTES);
  const drEmbedSigWord = view.getUint16(0x7c);
  return (
    view.getUint16(0) === SIGNATURE_HFS &&
    isBlockSize(view.getUint32(0x14)) &&
    view.getUint8(0x24) <= MAX_VOLUME_NAME_BYTES &&
    drEmbedSigWord !== SIGNATURE_HFS_PLUS &&
    drEmbedSigWord !== SIGNATURE_HFSX
  );
}

function isBlockSize(bytes: number): boolean {
  return bytes >= 512 && bytes % 512 === 0;
}

/** Throws `corrupt` for another signature or an impossible block size. `offset`: for errors. */
export function decodeMdb(bytes: Uint8Array, offset: number): MasterDirectoryBlock {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const drSigWord = view.getUint16(0);
  if (drSigWord !== SIGNATURE_HFS) {
    throw corrupt("hfs", "Master Directory Block", offset, `signature 0x${drSigWord.toString(16)}`);
  }
  const drAlBlkSiz = view.getUint32(0x14);
  if (!isBlockSize(drAlBlkSiz)) {
    throw corrupt("hfs", "Master Directory Block", offset, `allocation block size ${drAlBlkSiz}`);
  }
  return {
    drCrDate: view.getUint32(0x02),
    drAtrb: view.getUint16(0x0a),
    drNmAlBlks: view.getUint16(0x12),
    drAlBlkSiz,
    drAlBlSt: view.getUint16(0x1c),
    drFreeBks: view.getUint16(0x22),
    drFilCnt: view.getUint32(0x54),
    drDirCnt: view.getUint32(0x58),
    systemFolder: view.getUint32(0x5c),
    extentsFile: specialFile(view, 0x82, drAlBlkSiz),
    catalogFile: specialFile(view, 0x92, drAlBlkSiz),
  };
}

/** A size and an extent record. */
function specialFile(view: DataView, start: number, drAlBlkSiz: number): ForkDescription {
  const logicalSize = view.getUint32(start);
  return {
    logicalSize,
    totalBlocks: Math.ceil(logicalSize / drAlBlkSiz),
    extents: readExtents16(view, start + 4),
  };
}
