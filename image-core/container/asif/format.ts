/** Apple sparse images of macOS 26 (.asif). */
import { Confidence, type ContainerFormat } from "../../format.js";
import { isAsifHeader } from "./structs.js";

export const asif: ContainerFormat = {
  id: "asif",
  title: "Apple sparse disk image (ASIF)",
  probe({ head }) {
    if (!isAsifHeader(head)) return undefined;
    return { confidence: Confidence.certain, title: "Apple sparse disk image (ASIF)" };
  },
  load: () => import("./asif.js"),
};
