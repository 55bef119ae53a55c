/** Recognises exFAT by its boot sector, or by the backup twelve sectors behind where that is gone. */
import { Confidence, type FilesystemFormat, type Match } from "../../format.js";
import { decodeBootSector } from "./boot-region.js";

export const exfat: FilesystemFormat = {
  id: "exfat",
  title: "exFAT",
  probe({ head }): Match | undefined {
    if (typeof decodeBootSector(head) !== "string") {
      return { confidence: Confidence.certain, title: "exFAT" };
    }
    for (const sectorSize of [512, 1024, 2048, 4096]) {
      const backup = decodeBootSector(head.subarray(12 * sectorSize));
      // What was formatted over an exFAT volume may have left the backup: anything else wins.
      if (typeof backup !== "string" && 1 << backup.bytesPerSectorShift === sectorSize) {
        return { confidence: Confidence.guess, title: "exFAT, main boot sector damaged" };
      }
    }
    return undefined;
  },
  load: () => import("./exfat.js"),
};
