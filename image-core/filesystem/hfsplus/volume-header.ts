/** The volume header (TN1150, "Volume Header"): decoding, and finding a good one. All big-endian. */
import { corrupt, ImageError } from "../../errors.js";
import type { ByteSource } from "../../source/byte-source.js";
import { readExactly } from "../../source/read-exactly.js";
import type { ForkDescription } from "../apple/catalog-entry.js";
import { HfsPlusForkData } from "./fork-data.js";
import { ALTERNATE_HEADER_DISTANCE, VOLUME_HEADER_BYTES, VOLUME_HEADER_OFFSET } from "./layout.js";

export const SIGNATURE_HFSX = 0x4858;
const SIGNATURE_HFS_PLUS = 0x482b;

/** Bits of `attributes`. */
export const VolumeAttributes = {
  unmounted: 1 << 8,
  inconsistent: 1 << 11,
  journaled: 1 << 13,
} as const;

export interface VolumeHeader {
  signature: number;
  version: number;
  attributes: number;
  /** Allocation block. */
  journalInfoBlock: number;
  /** Mac time, local. */
  createDate: number;
  fileCount: number;
  folderCount: number;
  /** In bytes. */
  blockSize: number;
  totalBlocks: number;
  freeBlocks: number;
  /** CNID of the blessed folder. */
  systemFolder: number;
  /** The 8 bytes that the volume's UUID is made from. */
  volumeId: Uint8Array;
  extentsFile: ForkDescription;
  catalogFile: ForkDescription;
  attributesFile: ForkDescription;
}

/** Throws `corrupt` for another signature or an impossible block size. `offset`: for errors. */
function decodeVolumeHeader(bytes: Uint8Array, offset: number): VolumeHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const header: VolumeHeader = {
    signature: view.getUint16(0),
    version: view.getUint16(2),
    attributes: view.getUint32(4),
    journalInfoBlock: view.getUint32(12),
    createDate: view.getUint32(16),
    fileCount: view.getUint32(32),
    folderCount: view.getUint32(36),
    blockSize: view.getUint32(40),
    totalBlocks: view.getUint32(44),
    freeBlocks: view.getUint32(48),
    systemFolder: view.getUint32(80),
    volumeId: bytes.slice(104, 112),
    extentsFile: new HfsPlusForkData(view, 192),
    catalogFile: new HfsPlusForkData(view, 272),
    attributesFile: new HfsPlusForkData(view, 352),
  };
  const { signature, blockSize } = header;
  if (signature !== SIGNATURE_HFS_PLUS && signature !== SIGNATURE_HFSX) {
    throw corrupt("hfsplus", "volume header", offset, `signature 0x${signature.toString(16)}`);
  }
  if (blockSize < 512 || (blockSize & (blockSize - 1)) !== 0) {
    throw corrupt("hfsplus", "volume header", offset, `block size ${blockSize}`);
  }
  return header;
}

export interface FoundHeader {
  header: VolumeHeader;
  /** From the end of the volume. */
  alternate: boolean;
}

/**
 * The volume header and its alternate at the end of the volume, those of them that are headers.
 * Throws as the first does where neither is.
 */
export function* volumeHeaders(volume: ByteSource): Generator<FoundHeader> {
  let failure: unknown;
  try {
    yield { header: readHeaderAt(volume, VOLUME_HEADER_OFFSET), alternate: false };
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    failure = error;
  }
  const offset = volume.size - ALTERNATE_HEADER_DISTANCE;
  if (offset > VOLUME_HEADER_OFFSET && hasSignature(volume, offset)) {
    yield { header: readHeaderAt(volume, offset), alternate: true };
  } else if (failure !== undefined) throw failure;
}

function readHeaderAt(volume: ByteSource, offset: number): VolumeHeader {
  const bytes = readExactly(volume, offset, VOLUME_HEADER_BYTES, "hfsplus", "volume header");
  return decodeVolumeHeader(bytes, offset);
}

function hasSignature(volume: ByteSource, offset: number): boolean {
  const bytes = readExactly(volume, offset, 2, "hfsplus", "alternate volume header");
  const signature = (bytes[0] << 8) | bytes[1];
  return signature === SIGNATURE_HFS_PLUS || signature === SIGNATURE_HFSX;
}
