/** Recognises MFS volumes, the Macintosh File System of 1984 (Inside Macintosh II-119 to II-123). */
import { Confidence, type FilesystemFormat, type Match, type ProbeWindow } from "../../format.js";
import {
  BACKUP_DISTANCE,
  looksLikeVolumeInformation,
  VOLUME_INFORMATION_BYTES,
  VOLUME_INFORMATION_OFFSET,
} from "./volume-information.js";

export const mfs: FilesystemFormat = {
  id: "mfs",
  title: "MFS",
  probe({ head, tail, size }: ProbeWindow): Match | undefined {
    if (looksLikeVolumeInformation(head, VOLUME_INFORMATION_OFFSET)) {
      return { confidence: Confidence.certain, title: "MFS" };
    }
    const backup = tail.length - BACKUP_DISTANCE;
    if (size < VOLUME_INFORMATION_OFFSET + VOLUME_INFORMATION_BYTES) return undefined;
    if (!looksLikeVolumeInformation(tail, backup)) return undefined;
    const title = "MFS (by the backup of its master directory block)";
    // What was formatted over a volume leaves its backup: anything else wins.
    return { confidence: Confidence.guess, title };
  },
  load: () => import("./open.js"),
};
