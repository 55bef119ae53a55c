/** Recognises an SGI volume header by magic and checksum. */
import { Confidence, type Match, type PartitionFormat, type ProbeWindow } from "../../format.js";
import { decodeVolumeHeader } from "./structs.js";

export const sgi: PartitionFormat = {
  id: "sgi",
  title: "SGI volume header",
  probe({ head }: ProbeWindow): Match | undefined {
    if (decodeVolumeHeader(head) === undefined) return undefined;
    return { confidence: Confidence.certain, title: "SGI volume header" };
  },
  load: () => import("./sgi.js"),
};
