/** Partitions of a BSD disklabel: a is 1, b is 2; c, which covers everything, is left out. */
import { corrupt } from "../../errors.js";
import type { OpenContext, Partition } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { SliceSource } from "../../source/slice-source.js";
import { decodeDiskLabel, LABEL_OFFSETS } from "./structs.js";

const HEAD_BYTES = 2048;
/** The letter c. */
const RAW_PART = 2;

/** `FS_*` of `sys/disklabel.h`. */
const titles: Readonly<Record<number, string>> = {
  0: "Unused",
  1: "Swap",
  2: "Version 6 filesystem",
  3: "Version 7 filesystem",
  4: "System V filesystem",
  7: "BSD FFS (UFS)",
  8: "FAT",
  9: "BSD LFS",
  10: "Other",
  11: "HPFS",
  12: "ISO 9660",
  13: "Boot code",
  14: "Vinum",
  15: "RAID",
  17: "Linux ext2",
  18: "NTFS",
  19: "RAID or CCD",
  27: "ZFS",
};

/** Partitions that begin behind the end are left out, others cut to what is there. */
export function open(source: ByteSource, _context: OpenContext): Partition[] {
  const head = new Uint8Array(Math.min(HEAD_BYTES, source.size));
  source.read(0, head, 0, head.length);
  const at = LABEL_OFFSETS.find((offset) => decodeDiskLabel(head, offset) !== undefined);
  const label = at === undefined ? undefined : decodeDiskLabel(head, at);
  if (label === undefined) throw corrupt("bsd", "disklabel", 512, "none with a right checksum");
  // In a slice of a PC's disk the offsets count from where the disk begins; c tells where we are.
  const base = label.partitions[RAW_PART]?.offset ?? 0;
  const partitions: Partition[] = [];
  label.partitions.forEach((entry, index) => {
    const start = (entry.offset - base) * label.secsize;
    if (index === RAW_PART || entry.size === 0 || start < 0 || start >= source.size) return;
    const slice = new SliceSource(source, start, entry.size * label.secsize);
    partitions.push({
      number: index + 1,
      scheme: "bsd",
      type: entry.fstype.toString(),
      typeTitle: titles[entry.fstype],
      label: String.fromCharCode(0x61 + index),
      bootable: false,
      start,
      size: slice.size,
      source: slice,
    });
  });
  return partitions;
}
