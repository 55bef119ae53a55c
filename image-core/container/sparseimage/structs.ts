/**
 * Nodes of a sparse image, 4096 bytes, big-endian: the header at the start and index nodes chained
 * from it. Each lists which band of the disk lies in each slot behind it.
 *
 * There is no official text; the layout is as libmodi (J. Metz) and apfs-fuse (S. Gander) found it.
 */
import { corrupt } from "../../errors.js";

export const FORMAT = "sparseimage";
export const NODE_BYTES = 4096;
const SIGNATURE = 0x73707273;
const VERSION = 3;
const HEADER_BANDS = 64;
const INDEX_BANDS = 56;

export interface SparseHeader {
  sectorsPerBand: number;
  totalSectors: number;
  /** 0 where there is none. */
  nextNodeOffset: number;
  bands: Uint32Array;
}

export function isSparseHeader(head: Uint8Array): boolean {
  if (head.length < NODE_BYTES) return false;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  return view.getUint32(0) === SIGNATURE && view.getUint32(4) === VERSION;
}

export function decodeHeader(bytes: Uint8Array): SparseHeader {
  if (!isSparseHeader(bytes)) throw corrupt(FORMAT, "header", 0, "no signature sprs, version 3");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    sectorsPerBand: view.getUint32(8),
    // A 64-bit count follows the 32-bit one; old writers leave it 0.
    totalSectors: uint64(view, 28, 28) || view.getUint32(16),
    nextNodeOffset: uint64(view, 20, 20),
    bands: decodeBands(view, HEADER_BANDS),
  };
}

export function decodeIndexNode(
  bytes: Uint8Array,
  offset: number,
): { nextNodeOffset: number; bands: Uint32Array } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0) !== SIGNATURE) throw corrupt(FORMAT, "index node", offset, "no signature");
  return { nextNodeOffset: uint64(view, 12, offset + 12), bands: decodeBands(view, INDEX_BANDS) };
}

/** Numbers of bands from 1, by slot; 0 where the slot is free. */
function decodeBands(view: DataView, start: number): Uint32Array {
  return Uint32Array.from({ length: (NODE_BYTES - start) / 4 }, (_, i) =>
    view.getUint32(start + i * 4),
  );
}

function uint64(view: DataView, at: number, offset: number): number {
  const value = view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
  if (Number.isSafeInteger(value)) return value;
  throw corrupt(FORMAT, "node", offset, "a value beyond 2^53");
}
