/**
 * Where the tracks of a TOC file lie: on the disc, one behind the other from LBA 0, and in the
 * files. A track is a sequence of parts of files and of zeros, which need not end with a sector.
 */
import { at, corrupt, ImageError } from "../../errors.js";
import type { ByteSource } from "../../source/byte-source.js";
import { type Piece, PieceSource } from "../../source/piece-source.js";
import { SliceSource } from "../../source/slice-source.js";
import { MAX_LBA, type TrackPlan } from "../disc/disc.js";
import { headerStart } from "../disc/header-start.js";
import { sectorName } from "../disc/msf.js";
import { sheetError } from "../disc/sheet.js";
import { SwappedSource } from "../disc/swapped-source.js";
import type { TocFile, TocTrack } from "./parse.js";

const ID = "cdrdao";

/** Opens what a part names: little-endian samples, or the bytes as they are. */
export type OpenPart = (file: TocFile, audio: boolean) => { source: ByteSource; swapped: boolean };

export function layOut(
  tracks: readonly TocTrack[],
  openPart: OpenPart,
  warnings: string[],
): TrackPlan[] {
  const plans: TrackPlan[] = [];
  /** Where the next track's first sector comes to lie, pregap or not. */
  let lba = 0;
  let end = 0;
  for (const track of tracks) {
    const { mode } = track;
    const { source, marks, stored } = compose(track, openPart, warnings);
    const sectors = Math.ceil(source.size / mode.stride);
    const pregap = pregapSectors(track, marks);
    if (pregap > sectors) {
      throw sheetError(
        ID,
        track.line,
        `track ${track.number}: a pregap of ${pregap} of ${sectors} sectors`,
      );
    }
    const position = pregap * mode.stride;
    const content: TrackPlan["content"] =
      mode.kind === "audio"
        ? { kind: "audio", file: source, position, stride: mode.stride, bigEndian: false }
        : { kind: mode.kind, file: source, position, layout: mode.layout };
    let startLba = lba + pregap;
    if (content.kind !== "audio") {
      const stated = headerStart(source, position, content.layout);
      if (stated !== undefined && stated >= end && stated !== startLba) {
        warnings.push(
          `track ${track.number} begins at ${sectorName(stated)} by its headers, at ${sectorName(startLba)} by the TOC file`,
        );
        startLba = stated;
      }
    }
    // Zeros at the end of a data track are its postgap: no sectors of it, and no error codes.
    const length = (mode.kind === "audio" ? sectors : Math.ceil(stored / mode.stride)) - pregap;
    const { number, title, performer, isrc } = track;
    plans.push({
      number,
      session: 1,
      startLba,
      length: Math.max(0, length),
      content,
      title,
      performer,
      isrc,
    });
    lba = startLba + sectors - pregap;
    end = lba;
  }
  return plans;
}

interface Composed {
  source: ByteSource;
  /** Bytes before each part, and the whole at the end. */
  marks: number[];
  /** Bytes up to the end of the last part that is not zeros. */
  stored: number;
}

function compose(track: TocTrack, openPart: OpenPart, warnings: string[]): Composed {
  const pieces: Piece[] = [];
  const marks = [0];
  const limit = MAX_LBA * track.mode.stride;
  let size = 0;
  let stored = 0;
  for (const part of track.parts) {
    let length = part.length;
    if (part.file !== undefined) {
      const { source, swapped } = openPart(part.file, track.mode.kind === "audio");
      const name = JSON.stringify(part.file.name);
      if (part.start > source.size || (length > 0 && part.start === source.size)) {
        const ends = `${length} bytes wanted, it ends ${at(source.size)}`;
        throw corrupt(ID, `line ${part.line}: ${name}`, part.start, ends);
      }
      if (part.start + length > source.size) {
        // What is there is read; the rest is an error when somebody wants it.
        const missing = part.start + length - source.size;
        warnings.push(`line ${part.line}: ${name} is cut off, ${missing} bytes are missing`);
      }
      if (length === 0) length = source.size - part.start;
      if (length > 0) {
        const slice = new SliceSource(source, part.start, length);
        pieces.push({
          start: size,
          size: length,
          source: swapped ? new SwappedSource(slice) : slice,
        });
      }
      stored = size + length;
    }
    size += length;
    if (size > limit) {
      throw new ImageError(
        "limit",
        ID,
        `line ${part.line}: track ${track.number} has ${size} bytes`,
      );
    }
    marks.push(size);
  }
  // The last sector is filled up with zeros.
  const whole = Math.ceil(size / track.mode.stride) * track.mode.stride;
  if (pieces.length === 1 && pieces[0].source.size === whole) {
    return { source: pieces[0].source, marks, stored };
  }
  return { source: new PieceSource(pieces, whole), marks, stored };
}

function pregapSectors(track: TocTrack, marks: readonly number[]): number {
  const { pregap, mode } = track;
  if (pregap === undefined) return 0;
  if ("sectors" in pregap) return pregap.sectors;
  return Math.ceil(marks[pregap.parts] / mode.stride);
}
