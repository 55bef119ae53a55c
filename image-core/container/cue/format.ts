/** CUE sheets: CDRWIN's description of the disc whose sectors lie in the files it names. */
import { Confidence, type ContainerFormat, type ProbeWindow } from "../../format.js";
import { looksLikeText, MAX_SHEET_BYTES, sheetHead } from "../disc/sheet.js";

export const cue: ContainerFormat = {
  id: "cue",
  title: "CUE sheet",
  probe({ head, size }: ProbeWindow) {
    if (size > MAX_SHEET_BYTES || !looksLikeText(head)) return undefined;
    const text = sheetHead(head);
    const file = /^[ \t]*FILE[ \t]+\S/im.test(text);
    const track = /^[ \t]*TRACK[ \t]+\d+[ \t]+\S/im.test(text);
    if (!track) return undefined;
    return { confidence: file ? Confidence.certain : Confidence.likely, title: "CUE sheet" };
  },
  load: () => import("./cue.js"),
};
