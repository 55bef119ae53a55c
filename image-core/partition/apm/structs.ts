/**
 * Apple partition map: driver descriptor and map entries. Big-endian.
 * Inside Macintosh: Devices, "SCSI Manager", "The Structure of Block Devices".
 */
import { charsetById } from "../../text/charset.js";

export const ENTRY_BYTES = 512;
const SB_SIG = 0x4552; // "ER"
const PM_SIG = 0x504d; // "PM"

interface ApmEntry {
  /** Blocks in the whole map: how many entries there are. */
  mapBlkCnt: number;
  /** In blocks. */
  pyPartStart: number;
  partBlkCnt: number;
  partName: string;
  partType: string;
  /** Bit 3: the computer boots from it. */
  partStatus: number;
}

/** Of the driver descriptor in block 0; undefined without its signature. */
export function decodeBlockSize(bytes: Uint8Array): number | undefined {
  if (bytes.length < 4 || ((bytes[0] << 8) | bytes[1]) !== SB_SIG) return undefined;
  return (bytes[2] << 8) | bytes[3];
}

export function decodeApmEntry(bytes: Uint8Array, offset: number): ApmEntry | undefined {
  if (offset + ENTRY_BYTES > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, ENTRY_BYTES);
  if (view.getUint16(0) !== PM_SIG) return undefined;
  return {
    mapBlkCnt: view.getUint32(4),
    pyPartStart: view.getUint32(8),
    partBlkCnt: view.getUint32(12),
    partName: text(bytes, offset + 16),
    partType: text(bytes, offset + 48),
    partStatus: view.getUint32(88),
  };
}

/** 32 bytes of MacRoman, ended by NUL if shorter. */
function text(bytes: Uint8Array, offset: number): string {
  const zero = bytes.subarray(offset, offset + 32).indexOf(0);
  const length = zero < 0 ? 32 : zero;
  return length === 0 ? "" : charsetById("macroman").decode(bytes, offset, offset + length);
}
