/** Apple sparse disk images (.sparseimage). */
import { Confidence, type ContainerFormat } from "../../format.js";
import { isSparseHeader } from "./structs.js";

export const sparseimage: ContainerFormat = {
  id: "sparseimage",
  title: "Apple sparse disk image",
  probe({ head }) {
    if (!isSparseHeader(head)) return undefined;
    return { confidence: Confidence.certain, title: "Apple sparse disk image" };
  },
  load: () => import("./sparseimage.js"),
};
