/**
 * The commands of a CUE sheet (CDRWIN User's Guide, appendix A), with the REM lines by which later
 * programs tell sessions.
 *
 * Strict where a wrong value would misplace data, tolerant of the rest: unknown commands are warned
 * of, for every program has invented some.
 */
import { ImageError } from "../../errors.js";
import { parseMsf } from "../disc/msf.js";
import { type Sheet, sheetError } from "../disc/sheet.js";
import { fileArguments, type SheetWord, textArgument, words } from "./sheet-line.js";

const ID = "cue";
/** 99 tracks, each with a pregap in a file of its own at the very most. */
const MAX_FILES = 198;
const MAX_TRACKS = 99;
const MAX_WARNINGS = 20;

export interface CueFile {
  name: string;
  /** Upper case; `BINARY` where the sheet says none. */
  type: string;
  line: number;
}

export interface CueIndex {
  number: number;
  /** In sectors from the beginning of the file. */
  position: number;
  /** Into `CueSheet.files`. */
  file: number;
  line: number;
}

export interface CueTrack {
  number: number;
  /** Upper case: `AUDIO`, `MODE1/2352`. */
  mode: string;
  line: number;
  session: number;
  /** What `REM` says of the gap before this session's first track, in sectors. */
  leadIn?: number;
  sessionPregap?: number;
  /** The second area of a GD-ROM begins here. */
  highDensity: boolean;
  pregap?: number;
  postgap: number;
  indexes: CueIndex[];
  title?: string;
  performer?: string;
  isrc?: string;
}

export interface CueSheet {
  files: CueFile[];
  tracks: CueTrack[];
  title?: string;
  performer?: string;
  catalog?: string;
  cdTextFile?: string;
  warnings: string[];
}

/** Files of samples or sectors under other names than CDRWIN's. */
const BINARY_ALIASES: ReadonlySet<string> = new Set(["BIN", "RAW", "IMG", "IMAGE", "ISO"]);

export function parseCue(sheet: Sheet): CueSheet {
  const parser = new CueParser(sheet);
  sheet.text.split("\n").forEach((line, index) => {
    parser.line(line, index + 1);
  });
  return parser.finish();
}

class CueParser {
  private readonly result: CueSheet = { files: [], tracks: [], warnings: [] };
  private track: CueTrack | undefined;
  private session = 1;
  /** Said by REM, for the track that comes next. */
  private next: Pick<CueTrack, "leadIn" | "sessionPregap" | "highDensity"> = { highDensity: false };

  constructor(private readonly sheet: Sheet) {}

  line(line: string, number: number): void {
    const rest = words(line);
    // Some programs put several commands into a line; those with a text take all of it.
    while (rest.length > 0) {
      const command = rest.shift() as SheetWord;
      if (!this.command(command.text.toUpperCase(), rest, line, number)) return;
    }
  }

  finish(): CueSheet {
    if (this.result.tracks.length === 0)
      throw new ImageError("corrupt", ID, "no TRACK in the sheet");
    return this.result;
  }

  /** Takes its arguments off `rest`; false where it took the whole line. */
  private command(command: string, rest: SheetWord[], line: string, number: number): boolean {
    switch (command) {
      case "REM":
        this.remark(rest, number);
        return false;
      case "FILE":
        this.file(line, number);
        return false;
      case "TRACK":
        this.newTrack(rest, number);
        return true;
      case "INDEX":
        this.index(rest, number);
        return true;
      case "PREGAP":
        this.current(command, number).pregap = length(command, rest, number);
        return true;
      case "POSTGAP":
        this.current(command, number).postgap = length(command, rest, number);
        return true;
      case "FLAGS":
        while (rest.length > 0 && FLAGS.has(rest[0].text.toUpperCase())) rest.shift();
        return true;
      case "CATALOG":
        this.catalog(rest, number);
        return true;
      case "ISRC":
        this.isrc(rest, number);
        return true;
      case "TITLE":
      case "PERFORMER":
        this.text(command === "TITLE" ? "title" : "performer", line);
        return false;
      case "CDTEXTFILE":
        this.result.cdTextFile = this.sheet.decode(textArgument(line));
        return false;
      case "SONGWRITER":
      case "COMPOSER":
      case "ARRANGER":
      case "MESSAGE":
      case "GENRE":
      case "DISC_ID":
      case "UPC_EAN":
        return false;
      default:
        this.warn(`line ${number}: ${JSON.stringify(command)} is no known command`);
        return false;
    }
  }

  private current(command: string, line: number): CueTrack {
    if (this.track === undefined) throw sheetError(ID, line, `${command} before the first TRACK`);
    return this.track;
  }

  private file(line: string, number: number): void {
    const { name, type } = fileArguments(line);
    if (name === "") throw sheetError(ID, number, "FILE without a name");
    if (this.result.files.length === MAX_FILES) {
      throw sheetError(ID, number, `more than ${MAX_FILES} files`);
    }
    const upper = type.toUpperCase();
    const kind = upper === "" || BINARY_ALIASES.has(upper) ? "BINARY" : upper;
    this.result.files.push({ name: this.sheet.decode(name), type: kind, line: number });
  }

  private newTrack(rest: SheetWord[], line: number): void {
    const text = rest.shift()?.text ?? "";
    const mode = rest.shift()?.text.toUpperCase() ?? "";
    const number = /^\d{1,3}$/.test(text) ? Number(text) : 0;
    if (number < 1 || number > MAX_TRACKS) {
      throw sheetError(ID, line, `TRACK ${text}: tracks are numbered 1 to ${MAX_TRACKS}`);
    }
    const before = this.track?.number ?? 0;
    if (number <= before) throw sheetError(ID, line, `TRACK ${text} follows track ${before}`);
    if (mode === "") throw sheetError(ID, line, `TRACK ${text} without a mode`);
    const session = this.session;
    const track = { number, mode, line, session, postgap: 0, indexes: [], ...this.next };
    this.next = { highDensity: false };
    this.track = track;
    this.result.tracks.push(track);
  }

  private index(rest: SheetWord[], line: number): void {
    const track = this.current("INDEX", line);
    const text = rest.shift()?.text ?? "";
    if (!/^\d{1,2}$/.test(text)) {
      throw sheetError(ID, line, `INDEX ${JSON.stringify(text)}: indexes are numbered 0 to 99`);
    }
    const file = this.result.files.length - 1;
    if (file < 0) throw sheetError(ID, line, "INDEX before the first FILE");
    const number = Number(text);
    const before = track.indexes.at(-1);
    if (before !== undefined && number <= before.number) {
      throw sheetError(ID, line, `INDEX ${text} follows INDEX ${before.number}`);
    }
    const position = length(`INDEX ${text}`, rest, line);
    track.indexes.push({ number, position, file, line });
  }

  private catalog(rest: SheetWord[], line: number): void {
    const text = rest.shift()?.text ?? "";
    // Nothing depends on it either; a UPC of 12 digits is often put here.
    if (/^\d{13}$/.test(text)) this.result.catalog = text;
    else this.warn(`line ${line}: CATALOG ${JSON.stringify(text)} is none, it has 13 digits`);
  }

  private isrc(rest: SheetWord[], line: number): void {
    const text = (rest.shift()?.text ?? "").replaceAll("-", "").toUpperCase();
    // Nothing depends on it, and many sheets have empty or invented ones.
    if (/^[A-Z0-9]{5}\d{7}$/.test(text)) this.current("ISRC", line).isrc = text;
    else this.warn(`line ${line}: ISRC ${JSON.stringify(text)} is none`);
  }

  private text(field: "title" | "performer", line: string): void {
    const text = this.sheet.decode(textArgument(line)).trim();
    if (text !== "") (this.track ?? this.result)[field] = text;
  }

  private remark(rest: SheetWord[], line: number): void {
    const value = rest[1]?.text ?? "";
    switch (rest[0]?.text.toUpperCase()) {
      case "SESSION": {
        const session = /^\d{1,2}$/.test(value) ? Number(value) : 0;
        if (session < this.session) {
          throw sheetError(ID, line, `REM SESSION ${value} follows session ${this.session}`);
        }
        this.session = session;
        return;
      }
      case "LEAD-IN":
        this.next.leadIn = parseMsf(value);
        return;
      case "PREGAP":
        this.next.sessionPregap = parseMsf(value);
        return;
      case "HIGH-DENSITY":
        this.next.highDensity = true;
        this.session = Math.max(this.session, 2);
        return;
    }
  }

  private warn(warning: string): void {
    if (this.result.warnings.length < MAX_WARNINGS) this.result.warnings.push(warning);
  }
}

const FLAGS: ReadonlySet<string> = new Set(["DCP", "4CH", "PRE", "SCMS", "DATA"]);

function length(command: string, rest: SheetWord[], line: number): number {
  const text = rest.shift()?.text ?? "";
  const sectors = parseMsf(text);
  if (sectors === undefined) {
    throw sheetError(
      ID,
      line,
      `${command} ${JSON.stringify(text)}: not mm:ss:ff with seconds below 60 and frames below 75`,
    );
  }
  return sectors;
}
