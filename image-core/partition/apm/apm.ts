/** Partitions of an Apple partition map, the map's own and free space included, as the map counts them. */
import { corrupt } from "../../errors.js";
import type { OpenContext, Partition } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { SliceSource } from "../../source/slice-source.js";
import { mapBlockSize } from "./block-size.js";
import { decodeApmEntry, ENTRY_BYTES } from "./structs.js";

const HEAD_BYTES = 3 * 65536;
const STATUS_BOOTABLE = 1 << 3;

const titles: Readonly<Record<string, string>> = {
  Apple_partition_map: "Partition map",
  Apple_HFS: "Apple HFS or HFS+",
  Apple_HFSX: "Apple HFSX",
  Apple_APFS: "Apple APFS",
  Apple_MFS: "Apple MFS",
  Apple_UFS: "Apple UFS",
  Apple_UNIX_SVR2: "A/UX or Linux filesystem",
  Apple_PRODOS: "ProDOS",
  Apple_Free: "Free space",
  Apple_Scratch: "Empty",
  Apple_Void: "Unused entry",
  Apple_Driver: "Device driver",
  Apple_Driver43: "SCSI driver",
  Apple_Driver43_CD: "SCSI CD-ROM driver",
  Apple_Driver_ATA: "ATA driver",
  Apple_Driver_ATAPI: "ATAPI driver",
  Apple_Driver_IOKit: "IOKit driver",
  Apple_FWDriver: "FireWire driver",
  Apple_Patches: "Patches",
  Apple_Boot: "Apple boot",
  Apple_Bootstrap: "New World bootstrap",
  CD_ROM_Mode_1: "CD-ROM data track",
};

/** Space that is nobody's, whatever was there before: a volume that was deleted is not shown. */
const FREE_TYPES: ReadonlySet<string> = new Set(["apple_free", "apple_void"]);

/** Partitions that begin behind the end are left out, others cut to what is there. */
export function open(source: ByteSource, _context: OpenContext): Partition[] {
  const head = new Uint8Array(Math.min(HEAD_BYTES, source.size));
  source.read(0, head, 0, head.length);
  const blockSize = mapBlockSize(head);
  if (blockSize === undefined) throw corrupt("apm", "partition map", 512, "no entries");
  const count = decodeApmEntry(head, blockSize)?.mapBlkCnt ?? 0;
  const partitions: Partition[] = [];
  const bytes = new Uint8Array(ENTRY_BYTES);
  for (let number = 1; number <= count; number++) {
    if (source.read(number * blockSize, bytes, 0, ENTRY_BYTES) < ENTRY_BYTES) break;
    const entry = decodeApmEntry(bytes, 0);
    // Maps with a count too high end in other data.
    if (entry === undefined) break;
    const start = entry.pyPartStart * blockSize;
    if (entry.partBlkCnt === 0 || start >= source.size) continue;
    const slice = new SliceSource(source, start, entry.partBlkCnt * blockSize);
    const isFree = FREE_TYPES.has(entry.partType.toLowerCase());
    partitions.push({
      number,
      scheme: "apm",
      type: entry.partType,
      typeTitle: titles[entry.partType],
      label: entry.partName || undefined,
      bootable: (entry.partStatus & STATUS_BOOTABLE) !== 0,
      start,
      size: slice.size,
      source: isFree ? new SliceSource(source, start, 0) : slice,
    });
  }
  return partitions;
}
