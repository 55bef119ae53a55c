/** Primary partitions 1 to 4, and logical ones from 5 on in the order of their chain. */
import { corrupt } from "../../errors.js";
import type { OpenContext, Partition } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { SliceSource } from "../../source/slice-source.js";
import {
  decodeMbrSector,
  isExtended,
  isUsed,
  type MbrEntry,
  OS_TYPE_GPT_PROTECTIVE,
  SECTOR,
} from "./structs.js";
import { mbrTypeTitles } from "./type-titles.js";

/** More than any partitioner makes; also ends chains that run in a circle. */
const MAX_LOGICAL = 256;

/** Partitions that begin behind the end are left out, others cut to what is there. */
export function open(source: ByteSource, context: OpenContext): Partition[] {
  // Only disks of 4096-byte sectors count in them: the MBR of a hybrid disc image counts 512.
  const sectorSize = context.sectorSize === 4096 ? 4096 : SECTOR;
  const mbr = readTable(source, 0);
  if (mbr === undefined) throw corrupt("mbr", "master boot record", 510, "no 0xAA55");
  const partitions: Partition[] = [];
  const add = (number: number, entry: MbrEntry, base: number): void => {
    const start = (base + entry.startingLba) * sectorSize;
    if (start >= source.size) return;
    const slice = new SliceSource(source, start, entry.sizeInLba * sectorSize);
    partitions.push({
      number,
      scheme: "mbr",
      type: `0x${entry.osType.toString(16).padStart(2, "0")}`,
      typeTitle: mbrTypeTitles[entry.osType],
      uuid: partitionUuid(mbr.uniqueDiskSignature, number),
      bootable: entry.bootIndicator === 0x80,
      start,
      size: slice.size,
      source: slice,
    });
  };
  let protectedByGpt = false;
  let logical = 5;
  mbr.entries.forEach((entry, index) => {
    if (!isUsed(entry)) return;
    if (entry.osType === OS_TYPE_GPT_PROTECTIVE) protectedByGpt = true;
    else if (!isExtended(entry.osType)) add(index + 1, entry, 0);
  });
  for (const entry of mbr.entries) {
    if (!isUsed(entry) || !isExtended(entry.osType)) continue;
    for (const [found, base] of logicalEntries(source, entry.startingLba, sectorSize)) {
      if (logical >= 5 + MAX_LOGICAL) break;
      add(logical++, found, base);
    }
  }
  if (partitions.length === 0 && protectedByGpt) {
    throw corrupt("gpt", "header", SECTOR, "the protective MBR announces one, but none is valid");
  }
  return partitions;
}

/**
 * Each extended boot record holds one logical partition, relative to itself, and a link to the next
 * record, relative to the first. Yields entries and what they are relative to, in sectors. A record
 * that is not there or damaged ends the chain: what it would have added is unknown.
 */
function* logicalEntries(
  source: ByteSource,
  extendedLba: number,
  sectorSize: number,
): Generator<[entry: MbrEntry, base: number]> {
  const seen = new Set<number>();
  let lba: number | undefined = extendedLba;
  while (lba !== undefined && !seen.has(lba) && seen.size < MAX_LOGICAL) {
    seen.add(lba);
    const record = readTable(source, lba * sectorSize);
    if (record === undefined) return;
    let next: number | undefined;
    for (const entry of record.entries.filter(isUsed)) {
      if (!isExtended(entry.osType)) yield [entry, lba];
      else next ??= extendedLba + entry.startingLba;
    }
    lba = next;
  }
}

function readTable(source: ByteSource, position: number) {
  const bytes = new Uint8Array(SECTOR);
  return source.read(position, bytes, 0, SECTOR) < SECTOR ? undefined : decodeMbrSector(bytes);
}

/** Linux's PARTUUID: both in hexadecimal. */
function partitionUuid(uniqueDiskSignature: number, number: number): string | undefined {
  // A disk without signature has no name that tells it from others.
  if (uniqueDiskSignature === 0) return undefined;
  const disk = uniqueDiskSignature.toString(16).padStart(8, "0");
  return `${disk}-${number.toString(16).padStart(2, "0")}`;
}
