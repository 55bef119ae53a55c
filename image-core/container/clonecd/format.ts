/** CloneCD: a `.ccd` sheet with the table of contents, sectors of 2352 bytes in the `.img` beside it. */
import { Confidence, type ContainerFormat, type ProbeWindow } from "../../format.js";
import { looksLikeText, MAX_SHEET_BYTES, sheetHead } from "../disc/sheet.js";

export const clonecd: ContainerFormat = {
  id: "clonecd",
  title: "CloneCD control file",
  probe({ head, size }: ProbeWindow) {
    if (size > MAX_SHEET_BYTES || !looksLikeText(head)) return undefined;
    if (!/^\s*\[CloneCD\]/i.test(sheetHead(head))) return undefined;
    return { confidence: Confidence.certain, title: "CloneCD control file" };
  },
  load: () => import("./clonecd.js"),
};
