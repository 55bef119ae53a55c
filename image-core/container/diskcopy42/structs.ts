/**
 * The header of a Disk Copy 4.2 image, 84 bytes, big-endian (Apple II File Type Note $E0/$0005).
 * The data follow, then the tags: 12 bytes a sector that file systems after MFS do not use.
 */
import { corrupt } from "../../errors.js";

export const FORMAT = "diskcopy42";
export const HEADER_BYTES = 84;
const PRIVATE = 0x0100;
const MAX_NAME = 63;
const SECTOR_SIZE = 512;
const TAG_BYTES = 12;

export interface DiskCopyHeader {
  /** Mac OS Roman. */
  diskName: Uint8Array;
  dataSize: number;
  tagSize: number;
  dataChecksum: number;
  tagChecksum: number;
  diskFormat: number;
  formatByte: number;
}

/** Undefined where the fields do not make sense together; never throws. */
export function findHeader(head: Uint8Array, size: number): DiskCopyHeader | undefined {
  if (head.length < HEADER_BYTES || size < HEADER_BYTES) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const nameLength = head[0];
  const dataSize = view.getUint32(64);
  const tagSize = view.getUint32(68);
  if (view.getUint16(82) !== PRIVATE || nameLength > MAX_NAME || dataSize === 0) return undefined;
  if (dataSize % SECTOR_SIZE !== 0 || HEADER_BYTES + dataSize > size) return undefined;
  const isTagged =
    (tagSize === 0 || tagSize === (dataSize / SECTOR_SIZE) * TAG_BYTES) &&
    HEADER_BYTES + dataSize + tagSize <= size;
  // Tags that some program cut off, or that no Macintosh wrote: then the data must fill the file.
  if (!isTagged && HEADER_BYTES + dataSize !== size) return undefined;
  return {
    diskName: head.slice(1, 1 + nameLength),
    dataSize,
    tagSize: isTagged ? tagSize : 0,
    dataChecksum: view.getUint32(72),
    tagChecksum: view.getUint32(76),
    diskFormat: head[80],
    formatByte: head[81],
  };
}

export function decodeHeader(head: Uint8Array, size: number): DiskCopyHeader {
  const header = findHeader(head, size);
  if (header === undefined) throw corrupt(FORMAT, "header", 0, "its fields contradict each other");
  return header;
}
