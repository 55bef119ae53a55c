/** Disk Copy 4.2 images of floppy disks, bare or in MacBinary. */
import { Confidence, type ContainerFormat } from "../../format.js";
import { findHeader } from "./structs.js";
import { wrappedData } from "./wrapped-data.js";

export const diskcopy42: ContainerFormat = {
  id: "diskcopy42",
  title: "Disk Copy 4.2 disk image",
  probe({ head, source, size }) {
    const isBare = findHeader(head, size) !== undefined;
    if (!isBare && wrappedData(head, source) === undefined) return undefined;
    return {
      confidence: Confidence.likely,
      title: `Disk Copy 4.2 disk image${isBare ? "" : " in MacBinary"}`,
    };
  },
  load: () => import("./diskcopy42.js"),
};
