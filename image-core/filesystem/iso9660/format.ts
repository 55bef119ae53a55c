/** Recognises ISO 9660 (ECMA-119) and High Sierra by the first volume descriptor. */
import { Confidence, type FilesystemFormat, type Match, type ProbeWindow } from "../../format.js";

const DESCRIPTORS_AT = 16 * 2048;
const SECTOR = 2048;
/** The sets of real images are shorter; the window holds more. */
const MAX_LOOKED_AT = 16;

export const iso9660: FilesystemFormat = {
  id: "iso9660",
  title: "ISO 9660 file system",
  probe,
  load: () => import("./iso9660.js"),
};

function probe({ head }: ProbeWindow): Match | undefined {
  let boot = false;
  for (let i = 0; i < MAX_LOOKED_AT; i++) {
    const at = DESCRIPTORS_AT + i * SECTOR;
    if (at + SECTOR > head.length) break;
    const highSierra = matches(head, at + 9, "CDROM");
    if (!highSierra && !matches(head, at + 1, "CD001")) break;
    const type = head[highSierra ? at + 8 : at];
    const labelAt = highSierra ? at + 48 : at + 40;
    if (type === 1) {
      const title = highSierra ? "High Sierra" : "ISO 9660";
      return { confidence: Confidence.certain, title: `${title} ${label(head, labelAt)}`.trim() };
    }
    boot = true;
  }
  // Without a primary descriptor there may still be a Joliet tree.
  return boot ? { confidence: Confidence.likely, title: "ISO 9660" } : undefined;
}

function matches(bytes: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** The volume identifier's printable ASCII, in quotes. */
function label(bytes: Uint8Array, at: number): string {
  let text = "";
  for (let i = at; i < at + 32; i++) {
    text += bytes[i] >= 0x20 && bytes[i] < 0x7f ? String.fromCharCode(bytes[i]) : " ";
  }
  text = text.trim();
  return text === "" ? "" : JSON.stringify(text);
}
