/** Recognises a GUID partition table by its header's checksum, at either end of the disk. */
import { Confidence, type Match, type PartitionFormat, type ProbeWindow } from "../../format.js";
import { decodeGptHeader, SECTOR_SIZES } from "./structs.js";

export const gpt: PartitionFormat = {
  id: "gpt",
  title: "GUID partition table",
  probe({ head, tail }: ProbeWindow): Match | undefined {
    for (const sectorSize of SECTOR_SIZES) {
      const primary = head.subarray(sectorSize, 2 * sectorSize);
      const backup = tail.subarray(Math.max(0, tail.length - sectorSize));
      if (decodeGptHeader(primary)?.myLBA === 1 || decodeGptHeader(backup) !== undefined) {
        return { confidence: Confidence.certain, title: "GPT" };
      }
    }
    return undefined;
  },
  load: () => import("./gpt.js"),
};
