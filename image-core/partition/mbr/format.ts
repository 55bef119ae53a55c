/** Recognises a master boot record by its table: 0xAA55 alone ends every boot sector. */
import { Confidence, type Match, type PartitionFormat, type ProbeWindow } from "../../format.js";
import { decodeMbrSector, isUsed, type MbrSector } from "./structs.js";

export const mbr: PartitionFormat = {
  id: "mbr",
  title: "Master boot record",
  probe({ head, size }: ProbeWindow): Match | undefined {
    const sector = decodeMbrSector(head);
    if (sector === undefined || !isTable(sector, size)) return undefined;
    // Partitioners leave the boot code alone, and with it the parameter block of a filesystem that
    // the disk held before; but that filesystem's own code can look like a table.
    const confidence = isVolumeBootSector(head) ? Confidence.guess : Confidence.likely;
    return { confidence, title: "MBR" };
  },
  load: () => import("./mbr.js"),
};

/**
 * Boot code that happens to end in 0xAA55 does not have four boot indicators and a partition that
 * begins inside the disk where the table would be. Partitions may overlap or begin at sector 0:
 * hybrid ISO images and dedicated BSD disks do.
 */
function isTable({ entries }: MbrSector, size: number): boolean {
  if (entries.some(({ bootIndicator }) => bootIndicator !== 0 && bootIndicator !== 0x80)) {
    return false;
  }
  return entries.some((entry) => isUsed(entry) && entry.startingLba * 512 < size);
}

/** A filesystem's own boot sector: NTFS, exFAT, BitLocker and ReFS by name, FAT by its parameter block. */
function isVolumeBootSector(head: Uint8Array): boolean {
  const oemName = String.fromCharCode(...head.subarray(3, 11));
  if (["NTFS    ", "EXFAT   ", "-FVE-FS-", "ReFS\0\0\0\0"].includes(oemName)) return true;
  const bytsPerSec = head[11] | (head[12] << 8);
  const secPerClus = head[13];
  const numFATs = head[16];
  const media = head[21];
  return (
    (head[0] === 0xeb || head[0] === 0xe9) &&
    [512, 1024, 2048, 4096].includes(bytsPerSec) &&
    secPerClus !== 0 &&
    (secPerClus & (secPerClus - 1)) === 0 &&
    (head[14] | head[15]) !== 0 &&
    (numFATs === 1 || numFATs === 2) &&
    (media === 0xf0 || media >= 0xf8)
  );
}
