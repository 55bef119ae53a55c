/** CD sectors as they are on the disc, without a sheet: `.bin`, `.img`, `.mdf`, also `.iso`. */
import { Confidence, type ContainerFormat, type ProbeWindow } from "../../format.js";
import { detectLayout } from "./detect.js";

export const rawsector: ContainerFormat = {
  id: "rawsector",
  title: "raw CD sectors",
  probe({ head, size }: ProbeWindow) {
    const detected = detectLayout(head);
    if (detected === undefined || size < detected.layout.stride) return undefined;
    const { layout, syncs } = detected;
    return {
      // One sync pattern is 12 bytes long; a descriptor at an odd place, confirmed by subheaders.
      confidence: syncs > 1 || syncs === 0 ? Confidence.certain : Confidence.likely,
      title: `raw CD sectors of ${layout.stride} bytes, mode ${layout.mode}`,
    };
  },
  load: () => import("./rawsector.js"),
};
