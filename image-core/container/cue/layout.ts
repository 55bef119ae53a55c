/**
 * Where the tracks of a CUE sheet lie: on the disc and in the files.
 *
 * Positions in a sheet count sectors from the beginning of each file; a file may hold tracks with
 * sectors of different sizes. On the disc one file follows the other, with the gaps (PREGAP,
 * POSTGAP, between sessions) that no file holds. The beginning of the first file is LBA 0.
 */
import { at, ImageError, unsupported } from "../../errors.js";
import type { AudioContent, DataContent, TrackPlan } from "../disc/disc.js";
import { headerStart } from "../disc/header-start.js";
import { MSF_OFFSET, sectorName } from "../disc/msf.js";
import { sessionGap } from "../disc/session-gap.js";
import { sheetError } from "../disc/sheet.js";
import type { OpenedFile } from "./files.js";
import type { CueIndex, CueSheet, CueTrack } from "./parse.js";
import { type TrackMode, trackMode } from "./track-mode.js";

const ID = "cue";
/** Where the outer area of a GD-ROM begins, whatever the inner one holds. */
const HIGH_DENSITY_LBA = 45000;

/** `openFile` is asked for each file that a track lies in, in order; undefined: not readable. */
export function layOut(
  sheet: CueSheet,
  openFile: (index: number, audioOnly: boolean) => OpenedFile | undefined,
): TrackPlan[] {
  const modes = new Map(sheet.tracks.map((track) => [track, trackMode(track.mode, track.line)]));
  for (const track of sheet.tracks) {
    if (!track.indexes.some((index) => index.number === 1)) {
      throw sheetError(ID, track.line, `TRACK ${track.number} has no INDEX 01`);
    }
  }
  const walk = new Walk(sheet.warnings);
  for (let file = 0; file < sheet.files.length; file++) {
    const points: Point[] = [];
    for (const track of sheet.tracks) {
      for (const index of track.indexes) {
        if (index.file !== file) continue;
        points.push({ track, index, mode: modes.get(track) as TrackMode });
      }
    }
    if (points.length === 0) continue;
    const audioOnly = points.every((point) => point.mode.kind === "audio");
    walk.file(openFile(file, audioOnly), points, sheet.files[file].name);
  }
  return walk.finish();
}

interface Point {
  track: CueTrack;
  index: CueIndex;
  mode: TrackMode;
}

class Walk {
  private readonly plans: TrackPlan[] = [];
  /** Where the next sector of a file comes to lie. */
  private lba = 0;
  /** Where the last track whose place is known ends: nothing begins before. */
  private end = 0;
  private track: CueTrack | undefined;
  /** Begun at its INDEX 01, not ended yet. */
  private open: TrackPlan | undefined;
  /** The first audio left out, if any: from there on the LBAs are not known. */
  private leftOut: string | undefined;

  constructor(private readonly warnings: string[]) {}

  file(opened: OpenedFile | undefined, points: readonly Point[], name: string): void {
    if (opened === undefined) {
      this.leaveOut(points, name);
      return;
    }
    let sector = 0;
    let position = 0;
    let stride = points[0].mode.stride;
    for (const { track, index, mode } of points) {
      const count = index.position - sector;
      if (count < 0) {
        throw sheetError(ID, index.line, `INDEX ${index.number} lies before the index above it`);
      }
      position += count * stride;
      if (position > opened.source.size) {
        throw sheetError(
          ID,
          index.line,
          `INDEX ${index.number} of track ${track.number} lies ${at(position)} of ${JSON.stringify(name)}, which ends ${at(opened.source.size)}`,
        );
      }
      this.lba += count;
      if (track !== this.track) this.begin(track, index);
      if (index.number === 1) this.start(track, mode, opened, position);
      else if (index.number > 1 && this.open?.content.file !== opened.source) {
        throw unsupported(ID, `line ${index.line}: track ${track.number} goes on in another file`);
      }
      sector = index.position;
      stride = mode.stride;
    }
    const rest = opened.source.size - position;
    this.lba += opened.sound ? Math.ceil(rest / stride) : Math.floor(rest / stride);
    if (!opened.sound && rest % stride !== 0) {
      this.warnings.push(
        `${JSON.stringify(name)}: ${rest % stride} bytes behind the last sector of ${stride} bytes`,
      );
    }
    this.endTrack();
  }

  finish(): TrackPlan[] {
    if (this.plans.length === 0) {
      throw unsupported(ID, `${this.leftOut ?? "the sheet's files"}: a codec that is not read`);
    }
    return this.plans;
  }

  private leaveOut(points: readonly Point[], name: string): void {
    this.leftOut ??= JSON.stringify(name);
    this.track = points.at(-1)?.track;
    const numbers = [...new Set(points.map((point) => point.track.number))].join(", ");
    this.warnings.push(`audio track ${numbers} left out: ${JSON.stringify(name)} is compressed`);
  }

  /** The first index of a track ends the one before; the gaps lie between them. */
  private begin(track: CueTrack, first: CueIndex): void {
    this.endTrack();
    const before = this.track;
    this.track = track;
    const { pregap } = track;
    if (before === undefined) {
      // The two seconds before LBA 0 are the first track's in any case, said or not.
      this.lba += Math.max(0, (pregap ?? 0) - MSF_OFFSET);
      return;
    }
    this.lba += before.postgap;
    if (track.highDensity) {
      const inFile = first.number === 0 ? MSF_OFFSET : 0;
      this.lba = Math.max(this.lba, HIGH_DENSITY_LBA - inFile);
    } else if (track.session !== before.session) {
      const stated = pregap ?? track.sessionPregap;
      this.lba += sessionGap(before.session, track.leadIn, first.number === 0 ? 0 : stated);
    } else this.lba += pregap ?? 0;
  }

  private start(track: CueTrack, mode: TrackMode, opened: OpenedFile, position: number): void {
    const content = contentOf(mode, opened, position);
    if (content.kind !== "audio") this.anchor(track, content);
    const { number, session, title, performer, isrc } = track;
    const startLba = this.lba;
    this.open = { number, session, startLba, length: 0, content, title, performer, isrc };
    this.plans.push(this.open);
  }

  /** Filesystems count by the addresses in the headers, whatever gaps the sheet forgot. */
  private anchor(track: CueTrack, content: DataContent): void {
    const stated = headerStart(content.file, content.position, content.layout);
    if (stated !== undefined && stated >= this.end && stated !== this.lba) {
      this.warnings.push(
        `track ${track.number} begins at ${sectorName(stated)} by its headers, at ${sectorName(this.lba)} by the sheet`,
      );
      this.lba = stated;
    } else if (stated === undefined && this.leftOut !== undefined) {
      throw new ImageError(
        "unsupported",
        ID,
        `where data track ${track.number} begins is not known: ${this.leftOut} before it is compressed`,
      );
    }
  }

  private endTrack(): void {
    if (this.open === undefined) return;
    this.open.length = this.lba - this.open.startLba;
    this.end = this.lba;
    this.open = undefined;
  }
}

function contentOf(
  mode: TrackMode,
  opened: OpenedFile,
  position: number,
): DataContent | AudioContent {
  const file = opened.source;
  if (mode.kind === "audio") {
    return { kind: "audio", file, position, stride: mode.stride, bigEndian: opened.bigEndian };
  }
  return { kind: mode.kind, file, position, layout: mode.layout };
}
