/**
 * UDIF block tables (`BLKXTable`, signature `mish`): the chunks of one partition. Big-endian: a
 * header of 204 bytes, then 40 bytes a chunk.
 */

import { corrupt } from "../../errors.js";
import { ChunkKind, type ChunkTableBuilder, FIRST_CODEC } from "../../source/chunk-table.js";
import { decodeChecksum, type UdifChecksum } from "./koly.js";
import { readUint64 } from "./uint64.js";

export const SECTOR_SIZE = 512;
const MISH_SIGNATURE = 0x6d697368;
const HEADER_BYTES = 204;
const ENTRY_BYTES = 40;

/** EntryType of a chunk. */
const TYPE_ZERO = 0x00000000;
const TYPE_RAW = 0x00000001;
const TYPE_IGNORE = 0x00000002;
const TYPE_COMMENT = 0x7ffffffe;
const TYPE_TERMINATOR = 0xffffffff;

/** Codecs by EntryType less 0x80000004; their kinds in a chunk table follow one another. */
const TYPE_FIRST_CODEC = 0x80000004;
export const CODEC_TITLES = ["ADC", "zlib", "bzip2", "LZFSE", "LZMA"] as const;
export const KIND_ADC = FIRST_CODEC;
export const KIND_ZLIB = FIRST_CODEC + 1;
export const KIND_BZIP2 = FIRST_CODEC + 2;
export const KIND_LZFSE = FIRST_CODEC + 3;
export const KIND_LZMA = FIRST_CODEC + 4;
/** Raw, with fewer bytes stored than decoded: an error when it is read. */
export const KIND_MISFIT = FIRST_CODEC + 5;
/** An EntryType that nobody has described: likewise. */
export const KIND_UNKNOWN = FIRST_CODEC + 6;

export interface Mish {
  /** First sector on the disk, and the number of them. */
  sectorNumber: number;
  sectorCount: number;
  /** Added to every chunk's CompressedOffset. */
  dataOffset: number;
  checksum: UdifChecksum;
  numberOfBlockChunks: number;
}

/** `index`: which block table of the image, for messages. */
export function decodeMish(bytes: Uint8Array, index: number): Mish {
  const bad = (problem: string) => corrupt("udif", `block table ${index}`, 0, problem);
  if (bytes.length < HEADER_BYTES) throw bad(`${bytes.length} bytes are too few`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const signature = view.getUint32(0);
  if (signature !== MISH_SIGNATURE) throw bad(`signature 0x${signature.toString(16)}`);
  const mish = {
    sectorNumber: readUint64(view, 8),
    sectorCount: readUint64(view, 16),
    dataOffset: readUint64(view, 24),
    checksum: decodeChecksum(bytes, 64),
    numberOfBlockChunks: view.getUint32(200),
  };
  const room = Math.floor((bytes.length - HEADER_BYTES) / ENTRY_BYTES);
  if (mish.numberOfBlockChunks > room) {
    throw bad(`${mish.numberOfBlockChunks} chunks, room for ${room}`);
  }
  const end = (mish.sectorNumber + mish.sectorCount) * SECTOR_SIZE;
  if (!Number.isSafeInteger(end) || !Number.isSafeInteger(mish.dataOffset)) {
    throw bad(`sectors ${mish.sectorNumber} + ${mish.sectorCount} end beyond 2^53 bytes`);
  }
  return mish;
}

/** What the chunks of all tables add up to. */
export class ChunkCounts {
  /** How often each codec of CODEC_TITLES occurs. */
  readonly codecs = new Float64Array(CODEC_TITLES.length);
  /** Chunks whose type is not known, and the first such type. */
  unknown = 0;
  firstUnknown = 0;
  /** Behind the last sector that a chunk holds. */
  sectors = 0;
}

/** Adds the chunks of a table to the disk's. */
export function addChunks(
  bytes: Uint8Array,
  mish: Mish,
  index: number,
  builder: ChunkTableBuilder,
  counts: ChunkCounts,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < mish.numberOfBlockChunks; i++) {
    const at = HEADER_BYTES + i * ENTRY_BYTES;
    const type = view.getUint32(at);
    if (type === TYPE_TERMINATOR) return;
    const sectors = readUint64(view, at + 16);
    if (type === TYPE_COMMENT || sectors === 0) continue;
    const sector = readUint64(view, at + 8);
    const endSector = mish.sectorNumber + sector + sectors;
    // The table's own count is not believed: some writers count a partition short.
    if (!Number.isSafeInteger(endSector * SECTOR_SIZE)) {
      throw corrupt(
        "udif",
        `block table ${index}, chunk ${i}`,
        at,
        `sectors ${sector} + ${sectors} end beyond 2^53 bytes`,
      );
    }
    counts.sectors = Math.max(counts.sectors, endSector);
    const start = (mish.sectorNumber + sector) * SECTOR_SIZE;
    const length = sectors * SECTOR_SIZE;
    if (type === TYPE_ZERO) builder.add(start, length, ChunkKind.zero, 0, 0);
    else if (type === TYPE_IGNORE) builder.add(start, length, ChunkKind.absent, 0, 0);
    else {
      const position = mish.dataOffset + readUint64(view, at + 24);
      const stored = readUint64(view, at + 32);
      if (!Number.isSafeInteger(position + stored)) {
        throw corrupt("udif", `block table ${index}, chunk ${i}`, at, "its data lie beyond 2^53");
      }
      const codec = type - TYPE_FIRST_CODEC;
      let kind: number;
      if (type === TYPE_RAW) kind = stored >= length ? ChunkKind.raw : KIND_MISFIT;
      else if (codec >= 0 && codec < CODEC_TITLES.length) {
        kind = FIRST_CODEC + codec;
        counts.codecs[codec]++;
      } else {
        kind = KIND_UNKNOWN;
        if (counts.unknown++ === 0) counts.firstUnknown = type;
      }
      if (kind === ChunkKind.raw) builder.add(start, length, kind, position, length);
      else builder.add(start, length, kind, position, stored);
    }
  }
}
