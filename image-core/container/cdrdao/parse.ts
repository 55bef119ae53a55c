/** The statements of a TOC file (cdrdao(1), TOC FILES). */
import { ImageError } from "../../errors.js";
import { parseMsf } from "../disc/msf.js";
import { type Sheet, sheetError } from "../disc/sheet.js";
import { type Token, Tokens } from "./tokens.js";
import { type TrackMode, trackMode } from "./track-mode.js";

const ID = "cdrdao";
const MAX_TRACKS = 99;
const MAX_PARTS = 10_000;
/** A sample of both channels. */
const SAMPLE_BYTES = 4;

export interface TocFile {
  name: string;
  /** The other byte order than usual for the kind of file. */
  swap: boolean;
  /** DATAFILE: bytes as they are, no samples. */
  data: boolean;
  line: number;
}

/** Part of a track; without `file` it is zeros. */
interface TocPart {
  file?: TocFile;
  /** In the file (in its samples, for sound), in bytes. */
  start: number;
  /** In bytes; 0: to the end of the file. */
  length: number;
  line: number;
}

export interface TocTrack {
  number: number;
  mode: TrackMode;
  line: number;
  parts: TocPart[];
  /** PREGAP or START: where INDEX 01 lies. In sectors, or behind so many of the parts. */
  pregap?: { sectors: number } | { parts: number };
  title?: string;
  performer?: string;
  isrc?: string;
}

export interface Toc {
  tracks: TocTrack[];
  catalog?: string;
  title?: string;
  performer?: string;
}

export function parseToc(sheet: Sheet): Toc {
  return new TocParser(new Tokens(sheet)).parse();
}

class TocParser {
  private readonly toc: Toc = { tracks: [] };
  private parts = 0;

  constructor(private readonly tokens: Tokens) {}

  parse(): Toc {
    for (let token = this.tokens.take(); token !== undefined; token = this.tokens.take()) {
      if (token.string)
        throw sheetError(ID, token.line, `string ${JSON.stringify(token.text)} alone`);
      const track = this.toc.tracks.at(-1);
      if (track === undefined || token.text === "TRACK") this.header(token);
      else this.trackStatement(token, track);
    }
    if (this.toc.tracks.length === 0) throw new ImageError("corrupt", ID, "no TRACK in the file");
    return this.toc;
  }

  private header(token: Token): void {
    switch (token.text) {
      case "CD_DA":
      case "CD_ROM":
      case "CD_ROM_XA":
      case "CD_I":
        return;
      case "CATALOG": {
        const catalog = this.tokens.take();
        if (catalog === undefined || !catalog.string || !/^\d{13}$/.test(catalog.text)) {
          throw this.tokens.wrong("CATALOG needs a string of 13 digits", catalog);
        }
        this.toc.catalog = catalog.text;
        return;
      }
      case "CD_TEXT":
        this.cdText(this.toc);
        return;
      case "TRACK":
        this.newTrack(token.line);
        return;
      default:
        throw sheetError(ID, token.line, `${JSON.stringify(token.text)} before the first TRACK`);
    }
  }

  private newTrack(line: number): void {
    const number = this.toc.tracks.length + 1;
    if (number > MAX_TRACKS) throw sheetError(ID, line, `more than ${MAX_TRACKS} tracks`);
    const name = this.tokens.take();
    const subchannel = this.tokens.takeWord("RW") || this.tokens.takeWord("RW_RAW");
    const mode = name === undefined ? undefined : trackMode(name.text, subchannel);
    if (mode === undefined) throw this.tokens.wrong("TRACK needs a mode", name);
    this.toc.tracks.push({ number, mode, line, parts: [] });
  }

  private trackStatement({ text, line }: Token, track: TocTrack): void {
    const { tokens } = this;
    switch (text) {
      case "NO":
        if (!tokens.takeWord("COPY") && !tokens.takeWord("PRE_EMPHASIS")) {
          throw tokens.wrong("NO needs COPY or PRE_EMPHASIS", tokens.peek());
        }
        return;
      case "COPY":
      case "PRE_EMPHASIS":
      case "TWO_CHANNEL_AUDIO":
      case "FOUR_CHANNEL_AUDIO":
        return;
      case "ISRC":
        track.isrc = tokens.takeString("ISRC");
        return;
      case "CD_TEXT":
        this.cdText(track);
        return;
      case "SILENCE":
      case "ZERO":
        // ZERO may repeat the track's mode.
        while (tokens.peek()?.text.match(/^(AUDIO|MODE[12]\w*|RW|RW_RAW)$/)) tokens.take();
        this.add(track, { start: 0, length: this.size(text, track), line });
        return;
      case "FILE":
      case "AUDIOFILE":
        this.soundFile(text, track, line);
        return;
      case "DATAFILE":
        this.dataFile(track, line);
        return;
      case "FIFO":
        throw new ImageError("unsupported", ID, `line ${line}: FIFO, data that lies in no file`);
      case "START": {
        const length = this.optionalSize(track, true);
        track.pregap =
          length === undefined
            ? { parts: track.parts.length }
            : { sectors: this.sectors(length, track) };
        return;
      }
      case "PREGAP": {
        const length = this.size(text, track);
        if (length > 0) this.add(track, { start: 0, length, line });
        track.pregap = { parts: track.parts.length };
        return;
      }
      case "INDEX":
        this.size(text, track);
        return;
      default:
        throw sheetError(ID, line, `${JSON.stringify(text)} is no statement of a track`);
    }
  }

  private soundFile(command: string, track: TocTrack, line: number): void {
    const name = this.tokens.takeString(command);
    const swap = this.tokens.takeWord("SWAP");
    const offset = this.offset();
    const start = offset + this.size(command, track);
    const length = this.optionalSize(track, false) ?? 0;
    this.add(track, { file: { name, swap, data: false, line }, start, length, line });
  }

  private dataFile(track: TocTrack, line: number): void {
    const name = this.tokens.takeString("DATAFILE");
    const start = this.offset();
    const length = this.optionalSize(track, false) ?? 0;
    this.add(track, { file: { name, swap: false, data: true, line }, start, length, line });
  }

  /** `#200`: bytes from the beginning of the file. */
  private offset(): number {
    const text = this.tokens.peek()?.text ?? "";
    if (!text.startsWith("#")) return 0;
    const token = this.tokens.take();
    if (!/^#\d{1,15}$/.test(text)) throw this.tokens.wrong("an offset is # and bytes", token);
    return Number(text.slice(1));
  }

  private add(track: TocTrack, part: TocPart): void {
    if (++this.parts > MAX_PARTS) throw sheetError(ID, part.line, `more than ${MAX_PARTS} parts`);
    track.parts.push(part);
  }

  private size(command: string, track: TocTrack): number {
    const size = this.optionalSize(track, false);
    if (size === undefined)
      throw this.tokens.wrong(`${command} needs a length`, this.tokens.peek());
    return size;
  }

  /** In bytes, of `mm:ss:ff`, samples or bytes; undefined where the next word is no number. */
  private optionalSize(track: TocTrack, msfOnly: boolean): number | undefined {
    const token = this.tokens.peek();
    if (token === undefined || token.string || !/^(\d|\w*:)/.test(token.text)) return undefined;
    this.tokens.take();
    const sectors = parseMsf(token.text);
    if (sectors !== undefined) return sectors * track.mode.stride;
    if (!msfOnly && /^\d{1,13}$/.test(token.text)) {
      return Number(token.text) * (track.mode.kind === "audio" ? SAMPLE_BYTES : 1);
    }
    throw sheetError(
      ID,
      token.line,
      `${JSON.stringify(token.text)} is no length: mm:ss:ff with seconds below 60 and frames below 75, or a number`,
    );
  }

  private sectors(bytes: number, track: TocTrack): number {
    return Math.ceil(bytes / track.mode.stride);
  }

  /** Takes title and performer of the first language, which is the disc's main one. */
  private cdText(target: Toc | TocTrack): void {
    const { tokens } = this;
    this.openBrace("CD_TEXT");
    for (let token = tokens.take(); ; token = tokens.take()) {
      if (token === undefined) throw tokens.wrong("CD_TEXT is not closed", token);
      if (token.text === "}" && !token.string) return;
      if (token.text === "LANGUAGE") {
        tokens.take();
        this.openBrace("LANGUAGE");
        this.language(target);
      } else if (token.text === "LANGUAGE_MAP") {
        this.openBrace("LANGUAGE_MAP");
        tokens.skipBlock();
      } else throw tokens.wrong("CD_TEXT holds LANGUAGE_MAP and LANGUAGE", token);
    }
  }

  private language(target: Toc | TocTrack): void {
    const { tokens } = this;
    for (let token = tokens.take(); ; token = tokens.take()) {
      if (token === undefined) throw tokens.wrong("LANGUAGE is not closed", token);
      if (token.text === "}" && !token.string) return;
      // Since cdrdao 1.2.5: how the text is to be recorded. In the file it is UTF-8.
      if (token.text.startsWith("ENCODING_") && !token.string) continue;
      const value = tokens.take();
      if (value === undefined) throw tokens.wrong("LANGUAGE is not closed", value);
      if (!value.string) {
        if (value.text !== "{") throw tokens.wrong(`${token.text} needs a string or bytes`, value);
        tokens.skipBlock();
      } else if (value.text !== "") {
        if (token.text === "TITLE") target.title ??= value.text;
        else if (token.text === "PERFORMER") target.performer ??= value.text;
      }
    }
  }

  private openBrace(command: string): void {
    const token = this.tokens.take();
    if (token?.text !== "{") throw this.tokens.wrong(`${command} needs an opening brace`, token);
  }
}
