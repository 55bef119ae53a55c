/**
 * The structures of Nero images (as documented by libMirage and the Aaru project). Big-endian.
 * Version 2 (`NER5`) has 64-bit offsets where version 1 (`NERO`) has 32-bit ones.
 */
import { bcd, frames, MSF_OFFSET } from "../disc/msf.js";

const CHUNK_HEADER_BYTES = 8;

export interface Footer {
  version: 1 | 2;
  /** Where the chunks begin. */
  offset: number;
}

/** `tail`: the last bytes of a file of `size` bytes. Undefined for what is no Nero image. */
export function decodeFooter(tail: Uint8Array, size: number): Footer | undefined {
  const view = new DataView(tail.buffer, tail.byteOffset, tail.length);
  const end = tail.length;
  if (end >= 12 && ascii(view, end - 12) === "NER5") {
    const offset = uint64(view, end - 8);
    return offset + CHUNK_HEADER_BYTES <= size - 12 ? { version: 2, offset } : undefined;
  }
  if (end >= 8 && ascii(view, end - 8) === "NERO") {
    const offset = view.getUint32(end - 4);
    return offset + CHUNK_HEADER_BYTES <= size - 8 ? { version: 1, offset } : undefined;
  }
  return undefined;
}

/** CUES and CUEX: one point of the table of contents. */
export interface CuePoint {
  /** 0xAA is the lead-out. */
  track: number;
  index: number;
  lba: number;
}

export const CUE_POINT_BYTES = 8;

export function decodeCuePoint(view: DataView, at: number, version: 1 | 2): CuePoint {
  const track = view.getUint8(at + 1);
  const lba =
    version === 2
      ? view.getInt32(at + 4)
      : frames(view.getUint8(at + 5), view.getUint8(at + 6), view.getUint8(at + 7)) - MSF_OFFSET;
  const index = bcd(view.getUint8(at + 2)) ?? -1;
  return { track: track === 0xaa ? track : (bcd(track) ?? -1), index, lba };
}

/** DAOI and DAOX: a header, and a block for each track. */
export const DAO_HEADER_BYTES = 22;

export interface DaoHeader {
  upc: string;
  firstTrack: number;
  lastTrack: number;
}

export function decodeDaoHeader(view: DataView): DaoHeader {
  return {
    upc: text(view, 4, 13),
    firstTrack: view.getUint8(20),
    lastTrack: view.getUint8(21),
  };
}

export interface DaoBlock {
  isrc: string;
  sectorSize: number;
  mode: number;
  /** In the file: INDEX 00, INDEX 01 and the end. */
  index0: number;
  index1: number;
  end: number;
}

export function daoBlockBytes(version: 1 | 2): number {
  return version === 2 ? 42 : 30;
}

export function decodeDaoBlock(view: DataView, at: number, version: 1 | 2): DaoBlock {
  const offset = (i: number) =>
    version === 2 ? uint64(view, at + 18 + i * 8) : view.getUint32(at + 18 + i * 4);
  return {
    isrc: text(view, at, 12),
    sectorSize: view.getUint16(at + 12),
    mode: view.getUint8(at + 14),
    index0: offset(0),
    index1: offset(1),
    end: offset(2),
  };
}

/** ETNF and ETN2: a track written at once. */
export interface EtnBlock {
  offset: number;
  size: number;
  mode: number;
  lba: number;
}

export function etnBlockBytes(version: 1 | 2): number {
  return version === 2 ? 32 : 20;
}

export function decodeEtnBlock(view: DataView, at: number, version: 1 | 2): EtnBlock {
  const wide = version === 2;
  return {
    offset: wide ? uint64(view, at) : view.getUint32(at),
    size: wide ? uint64(view, at + 8) : view.getUint32(at + 4),
    mode: view.getUint8(at + (wide ? 19 : 11)),
    lba: view.getUint32(at + (wide ? 20 : 12)),
  };
}

export function ascii(view: DataView, at: number): string {
  return text(view, at, 4);
}

/** Up to the first NUL. */
function text(view: DataView, at: number, length: number): string {
  let found = "";
  for (let i = 0; i < length && view.getUint8(at + i) !== 0; i++) {
    found += String.fromCharCode(view.getUint8(at + i));
  }
  return found;
}

/** Beyond 2^53 it is not exact, and larger than any file in any case. */
function uint64(view: DataView, at: number): number {
  return view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
}
