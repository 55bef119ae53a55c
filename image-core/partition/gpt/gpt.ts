/**
 * Partitions of a GUID partition table, numbered by their place in the entry array.
 * UEFI specification 2.10, section 5.3: the primary header is believed if its checksums hold,
 * then the backup at the end of the disk.
 */
import { crc32 } from "node:zlib";
import { corrupt } from "../../errors.js";
import type { OpenContext, Partition } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { SliceSource } from "../../source/slice-source.js";
import { decodeMbrSector } from "../mbr/structs.js";
import { backupPositions } from "./backup.js";
import {
  decodeGptEntry,
  decodeGptHeader,
  type GptHeader,
  SECTOR_SIZES,
  UNUSED,
} from "./structs.js";
import { EFI_SYSTEM, gptTypeTitles } from "./type-titles.js";

/** Attribute bit 2: the legacy BIOS boots it. */
const LEGACY_BIOS_BOOTABLE = 1 << 2;

interface Table {
  sectorSize: number;
  header: GptHeader;
  entries: Uint8Array;
}

/** Partitions that begin behind the end are left out, others cut to what is there. */
export function open(source: ByteSource, context: OpenContext): Partition[] {
  const { sectorSize, header, entries } = findTable(source, context.sectorSize);
  const partitions: Partition[] = [];
  for (let i = 0; i < header.numberOfPartitionEntries; i++) {
    const entry = decodeGptEntry(entries, i * header.sizeOfPartitionEntry);
    if (entry === undefined || entry.partitionTypeGUID === UNUSED) continue;
    const start = entry.startingLBA * sectorSize;
    if (start >= source.size) continue;
    const size = (entry.endingLBA - entry.startingLBA + 1) * sectorSize;
    const slice = new SliceSource(source, start, size);
    partitions.push({
      number: i + 1,
      scheme: "gpt",
      type: entry.partitionTypeGUID.toUpperCase(),
      typeTitle: gptTypeTitles[entry.partitionTypeGUID],
      label: entry.partitionName || undefined,
      uuid: entry.uniquePartitionGUID,
      bootable:
        entry.partitionTypeGUID === EFI_SYSTEM || (entry.attributes & LEGACY_BIOS_BOOTABLE) !== 0,
      start,
      size: slice.size,
      source: slice,
    });
  }
  return partitions;
}

/**
 * The table whose header and entries both agree with their checksums, the primary first; failing
 * that, one whose header does. The sector size is tried, since an image does not tell that of the
 * disk it was taken from.
 */
function findTable(source: ByteSource, likelySectorSize: number): Table {
  let damaged: Table | undefined;
  const mbr = decodeMbrSector(readUpTo(source, 0, 512));
  for (const sectorSize of new Set([likelySectorSize, ...SECTOR_SIZES])) {
    const backups = backupPositions(source.size, sectorSize, mbr).map((at) => at / sectorSize);
    for (const lba of [1, ...backups]) {
      const table = readTable(source, lba, sectorSize);
      if (table === undefined) continue;
      if (crc32(table.entries) === table.header.partitionEntryArrayCRC32) return table;
      damaged ??= table;
      // The disk may have been copied onto a larger one: its backup is not at the end then.
      const alternate = readTable(source, table.header.alternateLBA, sectorSize);
      if (alternate !== undefined) {
        if (crc32(alternate.entries) === alternate.header.partitionEntryArrayCRC32)
          return alternate;
      }
    }
  }
  if (damaged !== undefined) return damaged;
  throw corrupt("gpt", "header", 512, "neither it nor the backup at the end is valid");
}

function readTable(source: ByteSource, lba: number, sectorSize: number): Table | undefined {
  const header = decodeGptHeader(readUpTo(source, lba * sectorSize, sectorSize));
  if (header === undefined || header.myLBA !== lba) return undefined;
  const length = header.numberOfPartitionEntries * header.sizeOfPartitionEntry;
  const position = header.partitionEntryLBA * sectorSize;
  if (position + length > source.size) return undefined;
  return { sectorSize, header, entries: readUpTo(source, position, length) };
}

function readUpTo(source: ByteSource, position: number, length: number): Uint8Array {
  if (!(position >= 0 && position < source.size)) return new Uint8Array(0);
  const bytes = new Uint8Array(Math.min(length, source.size - position));
  return bytes.subarray(0, source.read(position, bytes, 0, bytes.length));
}
