/** Recognises a Sun disk label by magic and checksum. */
import { Confidence, type Match, type PartitionFormat, type ProbeWindow } from "../../format.js";
import { decodeSunLabel } from "./structs.js";

export const sun: PartitionFormat = {
  id: "sun",
  title: "Sun disk label",
  probe({ head }: ProbeWindow): Match | undefined {
    if (decodeSunLabel(head) === undefined) return undefined;
    return { confidence: Confidence.certain, title: "Sun disk label" };
  },
  load: () => import("./sun.js"),
};
