/**
 * Where the tracks of a CUE sheet lie: on the disc and in the files.
 *
 * Positions in a sheet count sectors from the beginning of each file; a file may hold tracks with
 * sectors of different sizes. On the disc one file follows the other, with the gaps (PREGAP,
 * POSTGAP, between sessions) that no file holds. The beginning of the first file is LBA 0.
 */
import { at, ImageError, unsupported } from "../../errors.js";
import type { ByteSource } from "../../source/byte-source.js";
import { DESCRIPTOR_SECTOR, isDescriptor } from "../disc/descriptor.js";
import type { AudioContent, DataContent, TrackPlan } from "../disc/disc.js";
import { headerStart } from "../disc/header-start.js";
import { MSF_OFFSET, sectorName } from "../disc/msf.js";
import { layoutOfSize, type SectorLayout, USER_BYTES } from "../disc/sector.js";
import { sessionGap } from "../disc/session-gap.js";
import { sheetError } from "../disc/sheet.js";
import { detectLayout } from "../rawsector/detect.js";
import type { OpenedFile } from "./files.js";
import type { CueIndex, CueSheet, CueTrack } from "./parse.js";
import { type TrackMode, trackMode } from "./track-mode.js";

const ID = "cue";
/** Where the outer area of a GD-ROM begins, whatever the inner one holds. */
const HIGH_DENSITY_LBA = 45000;
/** Enough to see the kind of sectors by. */
const HEAD_BYTES = 64 * 1024;

/** `openFile` is asked for each file that a track lies in, in order; undefined: not readable. */
export function layOut(
  sheet: CueSheet,
  openFile: (index: number, audioOnly: boolean) => OpenedFile | undefined,
): TrackPlan[] {
  const modes = new Map(sheet.tracks.map((track) => [track, trackMode(track.mode, track.line)]));
  for (const track of sheet.tracks) {
    if (track.indexes.some((index) => index.number === 1)) continue;
    if (track.indexes.length !== 1) {
      throw sheetError(ID, track.line, `TRACK ${track.number} has no INDEX 01`);
    }
    // Written by hand, by someone who counts from 0.
    const [index] = track.indexes;
    sheet.warnings.push(
      `track ${track.number} has no INDEX 01; INDEX ${index.number} is taken for it`,
    );
    index.number = 1;
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
    const opened = openFile(file, audioOnly);
    const { name } = sheet.files[file];
    if (opened !== undefined) correctMode(opened.source, points, name, sheet.warnings);
    walk.file(opened, points, name);
  }
  return walk.finish();
}

interface Point {
  track: CueTrack;
  index: CueIndex;
  mode: TrackMode;
}

/**
 * Images get converted, and their sheet goes on naming the former kind of sector. Where a file is one
 * data track, what lies in it tells.
 */
function correctMode(
  source: ByteSource,
  points: readonly Point[],
  name: string,
  warnings: string[],
): void {
  const [{ mode, track }] = points;
  if (mode.kind === "audio" || points.some((point) => point.track !== track)) return;
  const head = new Uint8Array(Math.min(HEAD_BYTES, source.size));
  source.read(0, head, 0, head.length);
  const found = detectStored(head);
  if (found === undefined || found.stride === mode.stride) return;
  const has = `${JSON.stringify(name)} has sectors of ${found.stride} bytes`;
  warnings.push(`${has}, not of ${mode.stride} as the sheet says`);
  const kind = found.mode === 1 ? "mode1" : "mode2";
  for (const point of points) point.mode = { kind, stride: found.stride, layout: found };
}

/** Undefined where nothing tells. */
function detectStored(head: Uint8Array): SectorLayout | undefined {
  const raw = detectLayout(head);
  if (raw !== undefined) return raw.syncs === 1 ? undefined : raw.layout;
  return isDescriptor(head, DESCRIPTOR_SECTOR * USER_BYTES)
    ? layoutOfSize(1, USER_BYTES)
    : undefined;
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
    const startLba = content.kind === "audio" ? this.lba : this.anchor(track, content);
    const { number, session, title, performer, isrc } = track;
    this.open = { number, session, startLba, length: 0, content, title, performer, isrc };
    this.plans.push(this.open);
  }

  /**
   * Where the track begins: filesystems count by the addresses in the headers, whatever gaps the sheet
   * forgot.
   */
  private anchor(track: CueTrack, content: DataContent): number {
    const stated = headerStart(content.file, content.position, content.layout);
    if (stated !== undefined && stated < 0 && this.skipPregap(content, stated)) return 0;
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
    return this.lba;
  }

  /** Some files begin with the disc's first two seconds, and their sheet tells nothing of it. */
  private skipPregap(content: DataContent, stated: number): boolean {
    const { file, layout } = content;
    const position = content.position - stated * layout.stride;
    const first = this.plans.length === 0 && this.lba === 0 && stated >= -MSF_OFFSET;
    if (!first || headerStart(file, position, layout) !== 0) return false;
    content.position = position;
    this.lba = stated;
    return true;
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
