/** Does a tree carry SUSP and Rock Ridge, and in which version? (SUSP 1.12 5.3, 5.5) */
import { dotIdentifier, systemUseOffset } from "./directory-record.js";
import type { IsoImage } from "./iso-image.js";
import { RecordCursor } from "./record-cursor.js";
import { SystemUseWalker, signature } from "./susp.js";
import { isXa } from "./xattrs.js";

const SP = signature("SP");
const ER = signature("ER");
const NM = signature("NM");
const PX = signature("PX");
const RR = signature("RR");
const SP_CHECK = [0xbe, 0xef];
const XA_BYTES = 14;
/** Records of the root directory looked at where SP is missing. */
const MAX_LOOKED_AT = 16;

const VERSIONS: Readonly<Record<string, string>> = {
  RRIP_1991A: "1.09",
  IEEE_P1282: "1.10",
  IEEE_1282: "1.12",
};

export interface SuspSurvey {
  /** Bytes to skip in each system use field (SP's LEN_SKP). */
  skip: number;
  rockRidge: boolean;
  /** As ER announces it: `1.09`; empty where no ER entry does. */
  version: string;
  /** Further extensions that ER entries name: `AAIP_0200`. */
  extensions: string[];
}

/** Looks at the root directory, which begins at byte `rootStart`. */
export function surveySusp(image: IsoImage, rootStart: number): SuspSurvey {
  const survey: SuspSurvey = { skip: 0, rockRidge: false, version: "", extensions: [] };
  const cursor = new RecordCursor(image);
  cursor.open(rootStart, Math.min(rootStart + 2048, image.source.size));
  const walker = new SystemUseWalker(image);
  for (let i = 0; i < MAX_LOOKED_AT && cursor.step(); i++) {
    const { bytes, at } = cursor;
    const start = at + systemUseOffset(bytes, at);
    const end = at + bytes[at];
    const first = i === 0 && dotIdentifier(bytes, at) === 0;
    // On a CD-ROM XA disc SP lies behind the XA field.
    const sp = first ? findSp(bytes, start, end) : -1;
    walker.open(bytes, sp >= 0 ? sp : start + survey.skip, end);
    while (walker.step()) {
      const { bytes: b, at: entry, length } = walker;
      if (walker.signature === SP && first && length >= 7) survey.skip = b[entry + 6];
      else if (walker.signature === ER && length >= 8) takeExtension(survey, b, entry, length);
      else if (walker.signature === PX && length >= 36) survey.rockRidge = true;
      else if (walker.signature === NM && length > 5) survey.rockRidge = true;
      else if (walker.signature === RR && length === 5) survey.rockRidge = true;
    }
  }
  if (survey.version !== "") survey.rockRidge = true;
  return survey;
}

function findSp(bytes: Uint8Array, start: number, end: number): number {
  const candidates = isXa(bytes, start, end) ? [start + XA_BYTES, start] : [start];
  for (const at of candidates) {
    if (at + 7 > end || ((bytes[at] << 8) | bytes[at + 1]) !== SP) continue;
    if (bytes[at + 4] === SP_CHECK[0] && bytes[at + 5] === SP_CHECK[1]) return at;
  }
  return -1;
}

function takeExtension(survey: SuspSurvey, bytes: Uint8Array, at: number, length: number): void {
  const idLength = Math.min(bytes[at + 4], length - 8);
  const id = Buffer.from(bytes.subarray(at + 8, at + 8 + idLength)).toString("latin1");
  const version = VERSIONS[id];
  if (version !== undefined) survey.version = version;
  else if (survey.extensions.length < 8) survey.extensions.push(printable(id));
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?");
}
