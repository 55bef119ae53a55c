/** New Disk Image Format: images of Disk Copy 6, wrapped with their resource fork in one file. */
import { Confidence, type ContainerFormat } from "../../format.js";
import { macForks } from "./mac-forks.js";
import { readBcem } from "./read-bcem.js";

export const ndif: ContainerFormat = {
  id: "ndif",
  title: "Apple disk image (NDIF)",
  probe({ head, source }) {
    const forks = macForks(head, source);
    if (forks === undefined || readBcem(forks.resource) === undefined) return undefined;
    return {
      confidence: Confidence.certain,
      title: `Apple disk image (NDIF) in ${forks.wrapper}`,
    };
  },
  load: () => import("./ndif.js"),
};
