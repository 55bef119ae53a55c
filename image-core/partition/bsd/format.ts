/** Recognises a BSD disklabel by both its magics and its checksum. */
import { Confidence, type Match, type PartitionFormat, type ProbeWindow } from "../../format.js";
import { decodeDiskLabel, LABEL_OFFSETS } from "./structs.js";

export const bsd: PartitionFormat = {
  id: "bsd",
  title: "BSD disklabel",
  probe({ head }: ProbeWindow): Match | undefined {
    if (!LABEL_OFFSETS.some((offset) => decodeDiskLabel(head, offset))) return undefined;
    return { confidence: Confidence.certain, title: "BSD disklabel" };
  },
  load: () => import("./bsd.js"),
};
