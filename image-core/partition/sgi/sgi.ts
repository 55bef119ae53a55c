/** Partitions of an SGI volume header; the header itself and the whole volume are left out. */
import { corrupt } from "../../errors.js";
import type { OpenContext, Partition } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { SliceSource } from "../../source/slice-source.js";
import { decodeVolumeHeader } from "./structs.js";

/** `PTYPE_VOLHDR` and `PTYPE_VOLUME`. */
const CONTAINERS = [0, 6];

const titles: Readonly<Record<number, string>> = {
  1: "Replaced tracks",
  2: "Replaced sectors",
  3: "SGI raw",
  4: "BSD filesystem",
  5: "System V filesystem",
  7: "SGI EFS",
  8: "SGI logical volume",
  9: "SGI raw logical volume",
  10: "SGI XFS",
  11: "SGI XFS log",
  12: "SGI XLV",
  13: "SGI XVM",
  130: "Linux swap",
  131: "Linux filesystem",
  142: "Linux LVM",
  253: "Linux RAID",
};

/** Partitions that begin behind the end are left out, others cut to what is there. */
export function open(source: ByteSource, _context: OpenContext): Partition[] {
  const sector = new Uint8Array(512);
  const header = source.read(0, sector, 0, 512) < 512 ? undefined : decodeVolumeHeader(sector);
  if (header === undefined)
    throw corrupt("sgi", "volume header", 0, "no magic or a wrong checksum");
  const partitions: Partition[] = [];
  header.partitions.forEach(({ nblks, firstlbn, type }, index) => {
    const start = firstlbn * 512;
    if (nblks === 0 || CONTAINERS.includes(type) || start >= source.size) return;
    const slice = new SliceSource(source, start, nblks * 512);
    partitions.push({
      number: index + 1,
      scheme: "sgi",
      type: type.toString(),
      typeTitle: titles[type],
      bootable: false,
      start,
      size: slice.size,
      source: slice,
    });
  });
  return partitions;
}
