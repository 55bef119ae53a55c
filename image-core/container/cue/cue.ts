/** Opens the disc that a CUE sheet describes. */
import { ImageError } from "../../errors.js";
import type { Medium, OpenContext } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { readExactly } from "../../source/read-exactly.js";
import { applyCdText, decodeCdText } from "../disc/cd-text.js";
import { discMedium, type TrackPlan } from "../disc/disc.js";
import { openNamed } from "../disc/named-file.js";
import { readSheet } from "../disc/sheet.js";
import { openFile } from "./files.js";
import { layOut } from "./layout.js";
import { type CueSheet, parseCue } from "./parse.js";

const ID = "cue";
/** Eight languages of 256 packs of 18 bytes are 36,864. */
const MAX_CD_TEXT_BYTES = 64 * 1024;

export function open(source: ByteSource, context: OpenContext): Medium {
  const sheet = parseCue(readSheet(source, context, ID));
  const { files, warnings } = sheet;
  const alone = files.length === 1;
  const tracks = layOut(sheet, (index, audioOnly) =>
    openFile(files[index], context, alone, audioOnly, warnings),
  );
  if (sheet.cdTextFile !== undefined) addCdText(sheet, sheet.cdTextFile, tracks, context);
  const details: Medium["details"] = { files: files.length };
  if (sheet.catalog !== undefined) details.catalog = sheet.catalog;
  const { title, performer } = sheet;
  return discMedium({ format: ID, tracks, title, performer, details, warnings });
}

/** Only titles depend on the file: one that is missing or odd hides no data. */
function addCdText(
  sheet: CueSheet,
  name: string,
  tracks: readonly TrackPlan[],
  context: OpenContext,
): void {
  let file: ByteSource;
  try {
    file = openNamed(context, ID, name);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    sheet.warnings.push(`CD-Text left out: ${error.message}`);
    return;
  }
  if (file.size > MAX_CD_TEXT_BYTES) {
    sheet.warnings.push(`CD-Text left out: ${JSON.stringify(name)} has ${file.size} bytes`);
    return;
  }
  applyCdText(decodeCdText(readExactly(file, 0, file.size, ID, "CD-Text")), sheet, tracks);
}
