/** The files of a CUE sheet, opened, and what their bytes are. */
import { ImageError, unsupported } from "../../errors.js";
import type { OpenContext } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { extensionOf, openNamed, openNamedOr, withExtension } from "../disc/named-file.js";
import { samplesOf } from "../disc/sound-file.js";
import type { CueFile } from "./parse.js";

const ID = "cue";

export interface OpenedFile {
  source: ByteSource;
  /** Audio only: the header is left out, and the end may lie within a sector. */
  sound: boolean;
  bigEndian: boolean;
}

/**
 * Undefined for sound in a codec that is not read (MP3, FLAC, Ogg). `alone`: the sheet names no
 * other file, so one named like the sheet can stand in. `audioOnly`: all its tracks are audio.
 */
export function openFile(
  file: CueFile,
  context: OpenContext,
  alone: boolean,
  audioOnly: boolean,
  warnings: string[],
): OpenedFile | undefined {
  const extensions = [...new Set([extensionOf(file.name), ".bin", ".img", ".iso"])];
  const source = alone
    ? openNamedOr(
        context,
        ID,
        file.name,
        extensions.filter((e) => e !== "").map((e) => withExtension(context.name, e)),
        warnings,
      )
    : openNamed(context, ID, file.name);
  if (audioOnly) {
    const samples = samplesOf(source, ID, file.name);
    if (samples !== undefined) return { ...samples, sound: true };
  }
  switch (file.type) {
    case "MOTOROLA":
      return { source, sound: false, bigEndian: true };
    case "WAVE":
    case "AIFF":
    case "MP3":
    case "FLAC":
    case "OGG":
    case "OPUS":
    case "AAC":
    case "APE":
    case "WV":
      if (audioOnly) return undefined;
      throw new ImageError(
        "corrupt",
        ID,
        `line ${file.line}: data tracks in ${JSON.stringify(file.name)} of type ${file.type}`,
      );
    case "BINARY":
    case "AUDIO":
      return { source, sound: false, bigEndian: false };
    default:
      throw unsupported(ID, `line ${file.line}: file type ${JSON.stringify(file.type)}`);
  }
}
