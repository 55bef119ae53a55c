/** Recognises a GUID partition table by its header's checksum, at either end of the disk. */
import { ImageError } from "../../errors.js";
import { Confidence, type Match, type PartitionFormat, type ProbeWindow } from "../../format.js";
import { decodeMbrSector, isUsed, type MbrSector, OS_TYPE_GPT_PROTECTIVE } from "../mbr/structs.js";
import { backupPositions } from "./backup.js";
import { decodeGptHeader, SECTOR_SIZES } from "./structs.js";

export const gpt: PartitionFormat = {
  id: "gpt",
  title: "GUID partition table",
  probe(window: ProbeWindow): Match | undefined {
    const mbr = decodeMbrSector(window.head);
    if (!hasHeader(window, mbr)) return undefined;
    // Partitioners that know no GPT write the first sector alone: their table is the newer one.
    const confidence = isOtherTable(mbr) ? Confidence.guess : Confidence.certain;
    return { confidence, title: "GPT" };
  },
  load: () => import("./gpt.js"),
};

function hasHeader({ head, tail, size, source }: ProbeWindow, mbr: MbrSector | undefined): boolean {
  for (const sectorSize of SECTOR_SIZES) {
    const primary = decodeGptHeader(head.subarray(sectorSize, 2 * sectorSize));
    if (primary?.myLBA === 1) return true;
    for (const position of backupPositions(size, sectorSize, mbr)) {
      const inTail = position - (size - tail.length);
      const sector = inTail < 0 ? readSector(source, position) : tail.subarray(inTail);
      const backup = decodeGptHeader(sector.subarray(0, sectorSize));
      if (backup?.myLBA === position / sectorSize) return true;
    }
  }
  return false;
}

/** As much as every header has; nothing where the source is damaged there: a probe does not complain. */
function readSector(source: ProbeWindow["source"], position: number): Uint8Array {
  const bytes = new Uint8Array(512);
  try {
    return bytes.subarray(0, source.read(position, bytes, 0, bytes.length));
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    return bytes;
  }
}

/** A table with partitions of its own and none that stands for the GPT. */
function isOtherTable(mbr: MbrSector | undefined): boolean {
  const used = mbr?.entries.filter(isUsed) ?? [];
  return used.length > 0 && !used.some(({ osType }) => osType === OS_TYPE_GPT_PROTECTIVE);
}
