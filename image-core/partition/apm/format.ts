/** Recognises an Apple partition map by its entries' signatures and counts. */
import { Confidence, type Match, type PartitionFormat, type ProbeWindow } from "../../format.js";
import { mapBlockSize } from "./block-size.js";
import { decodeBlockSize } from "./structs.js";

export const apm: PartitionFormat = {
  id: "apm",
  title: "Apple partition map",
  probe({ head }: ProbeWindow): Match | undefined {
    if (mapBlockSize(head) === undefined) return undefined;
    // Some writers leave out the driver descriptor; then two signatures of two bytes stand alone.
    const described = decodeBlockSize(head) !== undefined;
    return { confidence: described ? Confidence.certain : Confidence.likely, title: "APM" };
  },
  load: () => import("./apm.js"),
};
