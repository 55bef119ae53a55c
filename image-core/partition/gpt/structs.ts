/** GUID partition table: header and entries. UEFI specification 2.10, section 5.3. Little-endian. */
import { crc32 } from "node:zlib";
import { utf16Name } from "../../text/utf16.js";

const SIGNATURE = "EFI PART";
const MIN_HEADER_BYTES = 92;
const MIN_ENTRY_BYTES = 128;
/** Entries beyond are never made; with their size this bounds what is read. */
const MAX_ENTRIES = 4096;
const MAX_ENTRY_BYTES = 4096;

/** An image does not tell which its disk had; discs have 2048. */
export const SECTOR_SIZES = [512, 4096, 2048, 1024];

export const UNUSED = "00000000-0000-0000-0000-000000000000";

export interface GptHeader {
  headerSize: number;
  myLBA: number;
  alternateLBA: number;
  partitionEntryLBA: number;
  numberOfPartitionEntries: number;
  sizeOfPartitionEntry: number;
  partitionEntryArrayCRC32: number;
}

interface GptEntry {
  /** Lower case; `UNUSED` where the entry is empty. */
  partitionTypeGUID: string;
  uniquePartitionGUID: string;
  startingLBA: number;
  endingLBA: number;
  /** The lower 32 of the 64 attribute bits. */
  attributes: number;
  partitionName: string;
}

/** `bytes`: a sector. Undefined where it is no header or its checksum, size or counts are wrong. */
export function decodeGptHeader(bytes: Uint8Array): GptHeader | undefined {
  if (bytes.length < MIN_HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let i = 0; i < 8; i++) if (bytes[i] !== SIGNATURE.charCodeAt(i)) return undefined;
  const headerSize = view.getUint32(12, true);
  if (headerSize < MIN_HEADER_BYTES || headerSize > bytes.length) return undefined;
  // The checksum is computed as if its own field were zero.
  const covered = bytes.slice(0, headerSize);
  covered.fill(0, 16, 20);
  if (crc32(covered) !== view.getUint32(16, true)) return undefined;
  const header: GptHeader = {
    headerSize,
    myLBA: u64(view, 24),
    alternateLBA: u64(view, 32),
    partitionEntryLBA: u64(view, 72),
    numberOfPartitionEntries: view.getUint32(80, true),
    sizeOfPartitionEntry: view.getUint32(84, true),
    partitionEntryArrayCRC32: view.getUint32(88, true),
  };
  const size = header.sizeOfPartitionEntry;
  const entriesFit = size >= MIN_ENTRY_BYTES && size <= MAX_ENTRY_BYTES && size % 8 === 0;
  const bounded =
    header.numberOfPartitionEntries <= MAX_ENTRIES &&
    Number.isSafeInteger(header.partitionEntryLBA * 4096);
  return entriesFit && bounded ? header : undefined;
}

/** Undefined where LBAs are beyond 2^53 or in the wrong order. */
export function decodeGptEntry(bytes: Uint8Array, offset: number): GptEntry | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, MIN_ENTRY_BYTES);
  const startingLBA = u64(view, 32);
  const endingLBA = u64(view, 40);
  if (!Number.isSafeInteger(endingLBA * 4096) || startingLBA > endingLBA) return undefined;
  let end = 56;
  while (end < 128 && view.getUint16(end, true) !== 0) end += 2;
  return {
    partitionTypeGUID: guid(view, 0),
    uniquePartitionGUID: guid(view, 16),
    startingLBA,
    endingLBA,
    attributes: view.getUint32(48, true),
    partitionName: end === 56 ? "" : utf16Name(bytes, offset + 56, offset + end, true),
  };
}

/** The first three groups are little-endian, the rest as written. */
function guid(view: DataView, offset: number): string {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
  const tail = Array.from({ length: 8 }, (_, i) => hex(view.getUint8(offset + 8 + i), 2)).join("");
  return [
    hex(view.getUint32(offset, true), 8),
    hex(view.getUint16(offset + 4, true), 4),
    hex(view.getUint16(offset + 6, true), 4),
    tail.slice(0, 4),
    tail.slice(4),
  ].join("-");
}

function u64(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) * 2 ** 32 + view.getUint32(offset, true);
}
