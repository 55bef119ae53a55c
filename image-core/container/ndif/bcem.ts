/**
 * NDIF's block table, the resource `bcem`: a header of 128 bytes and 12 bytes a chunk, big-endian.
 *
 * There is no official text; the layout is as N. Portillo (Aaru) and D. Ritchie (The Unarchiver's
 * NDIF notes) found it.
 */
import { corrupt, ImageError, unsupported } from "../../errors.js";
import {
  ChunkKind,
  type ChunkTable,
  ChunkTableBuilder,
  FIRST_CODEC,
} from "../../source/chunk-table.js";

export const FORMAT = "ndif";
export const SECTOR_SIZE = 512;
const KIND_ADC = FIRST_CODEC;
const HEADER_BYTES = 128;
const ENTRY_BYTES = 12;

const TYPE_ZERO = 0x00;
const TYPE_RAW = 0x02;
const TYPE_ADC = 0x83;
const TYPE_TERMINATOR = 0xff;
const UNREAD_TYPES = new Map([
  [0x80, "KenCode"],
  [0x81, "RLE"],
  [0x82, "LZH"],
  [0xf0, "StuffIt"],
]);

export interface Bcem {
  /** Version, the least significant first as hdiutil shows it. */
  version: number;
  /** Mac OS Roman. */
  name: Uint8Array;
  sectors: number;
  table: ChunkTable;
  compressed: number;
  /** CRC-28 of the data; how it is formed nobody has published. */
  crc: number;
}

export function decodeBcem(bytes: Uint8Array): Bcem {
  const bad = (offset: number, problem: string) =>
    corrupt(FORMAT, "resource bcem", offset, problem);
  if (bytes.length < HEADER_BYTES) throw bad(0, `${bytes.length} bytes are too few`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sectors = view.getUint32(68);
  const dataOffset = view.getUint32(76);
  if (view.getUint32(84) !== 0) throw unsupported(FORMAT, "an image in several segments");
  if (view.getUint32(116) !== 0)
    throw new ImageError("unsupported", FORMAT, "ShrinkWrap encryption");
  const count = view.getUint32(124);
  const room = Math.floor((bytes.length - HEADER_BYTES) / ENTRY_BYTES);
  if (count > room) throw bad(124, `${count} chunks, room for ${room}`);

  const builder = new ChunkTableBuilder(FORMAT);
  let compressed = 0;
  for (let i = 0; i < count; i++) {
    const entry = HEADER_BYTES + i * ENTRY_BYTES;
    const sector = view.getUint32(entry) >>> 8;
    const type = bytes[entry + 3];
    if (type === TYPE_TERMINATOR) break;
    // A chunk ends where the next one, or the terminator, begins.
    const next = i + 1 < count ? view.getUint32(entry + ENTRY_BYTES) >>> 8 : sectors;
    if (next < sector || next > sectors) {
      throw bad(entry, `chunk ${i} spans sectors ${sector} to ${next} of ${sectors}`);
    }
    if (next === sector) continue;
    const length = (next - sector) * SECTOR_SIZE;
    const position = dataOffset + view.getUint32(entry + 4);
    const stored = view.getUint32(entry + 8);
    if (type === TYPE_ZERO) builder.add(sector * SECTOR_SIZE, length, ChunkKind.zero, 0, 0);
    else if (type === TYPE_RAW) {
      if (stored !== length) throw bad(entry, `chunk ${i} is raw, ${stored} bytes for ${length}`);
      builder.add(sector * SECTOR_SIZE, length, ChunkKind.raw, position, stored);
    } else if (type === TYPE_ADC) {
      builder.add(sector * SECTOR_SIZE, length, KIND_ADC, position, stored);
      compressed++;
    } else {
      const title = UNREAD_TYPES.get(type);
      if (title !== undefined) throw unsupported(FORMAT, `compression ${title}`);
      throw bad(entry, `chunk ${i} has the unknown type 0x${type.toString(16)}`);
    }
  }
  return {
    version: view.getUint16(0),
    name: bytes.slice(5, 5 + Math.min(63, bytes[4])),
    sectors,
    table: builder.build(sectors * SECTOR_SIZE),
    compressed,
    crc: view.getUint32(80),
  };
}
