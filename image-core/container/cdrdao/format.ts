/** TOC files: cdrdao's description of a disc whose sectors and sound lie in the files it names. */
import { Confidence, type ContainerFormat, type ProbeWindow } from "../../format.js";
import { looksLikeText, MAX_SHEET_BYTES, sheetHead } from "../disc/sheet.js";

const TRACK =
  /^[ \t]*TRACK[ \t]+(AUDIO|MODE1|MODE1_RAW|MODE2|MODE2_RAW|MODE2_FORM1|MODE2_FORM2|MODE2_FORM_MIX)\b/m;
const DATA = /^[ \t]*(FILE|AUDIOFILE|DATAFILE|FIFO|SILENCE|ZERO)[ \t]+\S/m;

export const cdrdao: ContainerFormat = {
  id: "cdrdao",
  title: "cdrdao TOC file",
  probe({ head, size }: ProbeWindow) {
    if (size > MAX_SHEET_BYTES || !looksLikeText(head)) return undefined;
    const text = sheetHead(head).replaceAll("\r", "\n");
    if (!TRACK.test(text)) return undefined;
    const confidence = DATA.test(text) ? Confidence.certain : Confidence.likely;
    return { confidence, title: "cdrdao TOC file" };
  },
  load: () => import("./cdrdao.js"),
};
