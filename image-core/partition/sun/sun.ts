/** Slices of a Sun disk label; the one that covers the whole disk (tag 5) is left out. */
import { corrupt } from "../../errors.js";
import type { OpenContext, Partition } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { SliceSource } from "../../source/slice-source.js";
import { decodeSunLabel } from "./structs.js";

const TAG_WHOLE_DISK = 5;

const titles: Readonly<Record<number, string>> = {
  1: "Boot",
  2: "SunOS root",
  3: "SunOS swap",
  4: "SunOS usr",
  6: "SunOS stand",
  7: "SunOS var",
  8: "SunOS home",
  9: "SunOS alternate sectors",
  10: "SunOS cachefs",
  11: "SunOS reserved",
  130: "Linux swap",
  131: "Linux filesystem",
  142: "Linux LVM",
  253: "Linux RAID",
};

/** Slices that begin behind the end are left out, others cut to what is there. */
export function open(source: ByteSource, _context: OpenContext): Partition[] {
  const sector = new Uint8Array(512);
  const label = source.read(0, sector, 0, 512) < 512 ? undefined : decodeSunLabel(sector);
  if (label === undefined) throw corrupt("sun", "disk label", 0, "no magic or a wrong checksum");
  const partitions: Partition[] = [];
  label.map.forEach(({ cylinder, sectors }, index) => {
    const tag = label.tags[index];
    const start = cylinder * label.ntrks * label.nsect * 512;
    if (sectors === 0 || tag === TAG_WHOLE_DISK || start >= source.size) return;
    const slice = new SliceSource(source, start, sectors * 512);
    partitions.push({
      number: index + 1,
      scheme: "sun",
      type: tag.toString(),
      typeTitle: titles[tag],
      bootable: tag === 1,
      start,
      size: slice.size,
      source: slice,
    });
  });
  return partitions;
}
