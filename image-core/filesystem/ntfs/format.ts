/** NTFS: recognised by its boot sector, or by the copy in the volume's last sector. */
import { Confidence, type FilesystemFormat, type Match, type ProbeWindow } from "../../format.js";
import { BOOT_SECTOR_SIZE, looksLikeNtfs } from "./boot-sector.js";

export const ntfs: FilesystemFormat = {
  id: "ntfs",
  title: "NTFS",

  probe(window: ProbeWindow): Match | undefined {
    if (looksLikeNtfs(window.head)) return { confidence: Confidence.certain, title: "NTFS" };
    const backup = window.tail.subarray(-BOOT_SECTOR_SIZE);
    if (looksLikeNtfs(backup)) {
      return { confidence: Confidence.guess, title: "NTFS, by its backup boot sector" };
    }
    return undefined;
  },

  load: () => import("./ntfs.js"),
};
