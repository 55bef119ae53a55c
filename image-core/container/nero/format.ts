/** Nero Burning ROM images (`.nrg`): sectors first, chunks that describe them behind. */
import { Confidence, type ContainerFormat, type ProbeWindow } from "../../format.js";
import { decodeFooter } from "./structs.js";

export const nero: ContainerFormat = {
  id: "nero",
  title: "Nero disc image",
  probe({ tail, size }: ProbeWindow) {
    const footer = decodeFooter(tail, size);
    if (footer === undefined) return undefined;
    const title = `Nero disc image, version ${footer.version}`;
    return { confidence: Confidence.certain, title };
  },
  load: () => import("./nero.js"),
};
