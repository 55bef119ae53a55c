/** Apple's Universal Disk Image Format: compressed and read-only .dmg files. */
import { Confidence, type ContainerFormat } from "../../format.js";
import { findKoly } from "./koly.js";
import { kolyForks } from "./wrapped-koly.js";

export const udif: ContainerFormat = {
  id: "udif",
  title: "Apple disk image (UDIF)",
  probe({ head, tail, size, source }) {
    if (findKoly(head, tail, size) < 0 && kolyForks(head, source) === undefined) return undefined;
    return { confidence: Confidence.certain, title: "Apple disk image (UDIF)" };
  },
  load: () => import("./udif.js"),
};
