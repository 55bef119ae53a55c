/**
 * The UDIF trailer (`UDIFResourceFile`, signature `koly`), 512 bytes, big-endian.
 *
 * There is no official text; the layout is as in Apple's headers of the DiskImages framework as
 * published by J. Levin ("Demystifying the DMG file format") and libyal's libmodi documentation.
 */
import { corrupt } from "../../errors.js";
import { readUint64 } from "./uint64.js";

export const KOLY_BYTES = 512;
const KOLY_SIGNATURE = 0x6b6f6c79;
const CHECKSUM_BYTES = 128;

/** A stored checksum; `UDIFChecksum`. */
export interface UdifChecksum {
  /** 0: none, 2: CRC32, 4: MD5, and others. */
  type: number;
  /** In bits. */
  size: number;
  /** `size` bits of the 128 bytes there are. */
  data: Uint8Array;
}

export interface Koly {
  version: number;
  flags: number;
  /** Where this segment's data fork begins in the data fork of all segments. */
  runningDataForkOffset: number;
  dataForkOffset: number;
  dataForkLength: number;
  rsrcForkOffset: number;
  rsrcForkLength: number;
  /** From 1; 0 where the writer left it out. */
  segmentNumber: number;
  segmentCount: number;
  segmentId: string;
  dataForkChecksum: UdifChecksum;
  xmlOffset: number;
  xmlLength: number;
  masterChecksum: UdifChecksum;
  imageVariant: number;
  sectorCount: number;
}

export function decodeKoly(bytes: Uint8Array, offset: number): Koly {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const uint64 = (field: string, at: number): number => {
    const value = readUint64(view, offset + at);
    if (Number.isSafeInteger(value)) return value;
    throw corrupt("udif", "trailer", at, `${field} is beyond 2^53`);
  };
  return {
    version: view.getUint32(offset + 4),
    flags: view.getUint32(offset + 12),
    runningDataForkOffset: uint64("RunningDataForkOffset", 16),
    dataForkOffset: uint64("DataForkOffset", 24),
    dataForkLength: uint64("DataForkLength", 32),
    rsrcForkOffset: uint64("RsrcForkOffset", 40),
    rsrcForkLength: uint64("RsrcForkLength", 48),
    segmentNumber: view.getUint32(offset + 56),
    segmentCount: view.getUint32(offset + 60),
    segmentId: Buffer.from(bytes.subarray(offset + 64, offset + 80)).toString("hex"),
    dataForkChecksum: decodeChecksum(bytes, offset + 80),
    xmlOffset: uint64("XMLOffset", 216),
    xmlLength: uint64("XMLLength", 224),
    masterChecksum: decodeChecksum(bytes, offset + 352),
    imageVariant: view.getUint32(offset + 488),
    sectorCount: uint64("SectorCount", 492),
  };
}

/** Type, size in bits, and room for 128 bytes. */
export function decodeChecksum(bytes: Uint8Array, offset: number): UdifChecksum {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = view.getUint32(offset + 4);
  const length = Math.min(CHECKSUM_BYTES, size >>> 3);
  return {
    type: view.getUint32(offset),
    size,
    data: bytes.slice(offset + 8, offset + 8 + length),
  };
}

/**
 * Where the trailer lies, in bytes from the start of the image, or -1. It belongs at the very end;
 * images of Mac OS X 10.0 have it at the start; downloads may have junk behind it, as much as the
 * `tail` window shows.
 */
export function findKoly(head: Uint8Array, tail: Uint8Array, size: number): number {
  const tailStart = size - tail.length;
  if (isKoly(tail, tail.length - KOLY_BYTES, size)) return size - KOLY_BYTES;
  if (isKoly(head, 0, size)) return 0;
  for (let at = tail.length - KOLY_BYTES - 1; at >= 0; at--) {
    if (tail[at] === 0x6b && isKoly(tail, at, size)) return tailStart + at;
  }
  return -1;
}

/** Signature, size and the plausibility of what it points at; never throws. */
function isKoly(bytes: Uint8Array, offset: number, size: number): boolean {
  if (offset < 0 || offset + KOLY_BYTES > bytes.length) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (
    view.getUint32(offset) === KOLY_SIGNATURE &&
    view.getUint32(offset + 8) === KOLY_BYTES &&
    readUint64(view, offset + 24) <= size &&
    readUint64(view, offset + 216) <= size &&
    readUint64(view, offset + 40) <= size
  );
}
