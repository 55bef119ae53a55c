/**
 * The header of an ASIF image and the entries of its tables, big-endian.
 *
 * There is no official text; the layout is as in "ASIF binary specification" (github.com/huven) and
 * as dissect.hypervisor (Fox-IT) found it.
 */
import { corrupt, unsupported } from "../../errors.js";

export const FORMAT = "asif";
export const HEADER_BYTES = 512;
const SIGNATURE = 0x73686477; // "shdw"
const VERSION = 1;
const MAX_CHUNK = 64 * 1024 * 1024;
const MAX_SECTOR = 65_536;

export interface AsifHeader {
  /** Two directories, of which the one with the higher number is in force. */
  directoryOffsets: [number, number];
  sectorCount: number;
  maxSectorCount: number;
  /** In bytes. */
  chunkSize: number;
  sectorSize: number;
}

export function isAsifHeader(head: Uint8Array): boolean {
  if (head.length < HEADER_BYTES) return false;
  const view = new DataView(head.buffer, head.byteOffset, HEADER_BYTES);
  return view.getUint32(0) === SIGNATURE && view.getUint32(8) === HEADER_BYTES;
}

export function decodeHeader(bytes: Uint8Array): AsifHeader {
  if (!isAsifHeader(bytes)) throw corrupt(FORMAT, "header", 0, "no signature shdw");
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const version = view.getUint32(4);
  if (version !== VERSION) throw unsupported(FORMAT, `header version ${version}`);
  const header: AsifHeader = {
    directoryOffsets: [uint64(view, 0x10), uint64(view, 0x18)],
    sectorCount: uint64(view, 0x30),
    maxSectorCount: uint64(view, 0x38),
    chunkSize: view.getUint32(0x40),
    sectorSize: view.getUint16(0x44),
  };
  const { sectorCount, maxSectorCount, chunkSize, sectorSize } = header;
  if (sectorSize < 512 || sectorSize > MAX_SECTOR || (sectorSize & (sectorSize - 1)) !== 0) {
    throw corrupt(FORMAT, "header", 0x44, `sectors of ${sectorSize} bytes`);
  }
  // Each chunk's part of a bitmap is whole bytes: two bits a sector.
  if (chunkSize === 0 || chunkSize > MAX_CHUNK || chunkSize % (4 * sectorSize) !== 0) {
    throw corrupt(FORMAT, "header", 0x40, `chunks of ${chunkSize} bytes`);
  }
  if (!Number.isSafeInteger(sectorCount * sectorSize)) {
    throw corrupt(FORMAT, "header", 0x30, `${sectorCount} sectors end beyond 2^53 bytes`);
  }
  if (!Number.isSafeInteger(maxSectorCount * sectorSize) || maxSectorCount < sectorCount) {
    throw corrupt(FORMAT, "header", 0x38, `${sectorCount} of ${maxSectorCount} sectors`);
  }
  return header;
}

/** The upper two bits of a data chunk's entry. */
export const ChunkStatus = {
  /** Never written: zeros. */
  none: 0,
  /** All sectors were written. */
  whole: 1,
  /** A bitmap tells which were. */
  partial: 3,
} as const;

export interface ChunkEntry {
  status: number;
  /** Of the chunk in the image, in chunks. */
  index: number;
}

/** Throws `corrupt` for an index beyond 2^53. */
export function decodeEntry(view: DataView, at: number): ChunkEntry {
  const high = view.getUint32(at);
  // The upper nine bits are flags.
  const index = (high & 0x7fffff) * 2 ** 32 + view.getUint32(at + 4);
  if (!Number.isSafeInteger(index)) throw corrupt(FORMAT, "chunk entry", at, "beyond 2^53");
  return { status: high >>> 30, index };
}

export function uint64(view: DataView, at: number): number {
  const value = view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
  if (Number.isSafeInteger(value)) return value;
  throw corrupt(FORMAT, "structure", at, "a value beyond 2^53");
}
