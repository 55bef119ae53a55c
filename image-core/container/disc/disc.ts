/**
 * From the tracks that a container lists to a Medium: what all disc containers share.
 *
 * The medium shows the 2048 user bytes of each sector by absolute LBA; audio, pregaps and the gaps
 * between sessions are zeros there. It ends where the last track ends.
 */
import { at, ImageError } from "../../errors.js";
import type { DiscLayout, DiscSession, DiscTrack, Medium } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { type Piece, PieceSource } from "../../source/piece-source.js";
import { RAW_BYTES, type SectorLayout, USER_BYTES } from "./sector.js";
import { audioData, Scratch, userData } from "./sector-source.js";
import { SwappedSource } from "./swapped-source.js";
import { type StoredSectors, verifySectors } from "./verify.js";

/** No optical disc has more sectors: BDXL, the largest, has 62.5 million. */
export const MAX_LBA = 2 ** 26;
const MAX_TRACKS = 99;

export interface TrackPlan {
  number: number;
  session: number;
  /** Absolute, of INDEX 01. */
  startLba: number;
  /** Sectors from INDEX 01 on. */
  length: number;
  content: DataContent | AudioContent;
  title?: string;
  performer?: string;
  isrc?: string;
}

/** Sectors of data, stored from `position` of `file` on. */
export interface DataContent {
  kind: "mode1" | "mode2";
  file: ByteSource;
  position: number;
  layout: SectorLayout;
}

/** Sectors of audio, stored from `position` of `file` on; silence where the file ends within the last. */
export interface AudioContent {
  kind: "audio";
  file: ByteSource;
  position: number;
  /** Bytes from one sector to the next: 2352, and the subchannel. */
  stride: number;
  bigEndian: boolean;
}

export interface DiscPlan {
  /** Format id, for messages. */
  format: string;
  tracks: TrackPlan[];
  title?: string;
  performer?: string;
  details: Medium["details"];
  warnings: string[];
}

/** Throws `corrupt` where tracks overlap or run out of order, `limit` for absurd positions. */
export function discMedium(plan: DiscPlan): Medium {
  const scratch = new Scratch();
  const sessions = new Map<number, DiscSession>();
  const pieces: Piece[] = [];
  const stored: StoredSectors[] = [];
  let end = 0;
  let lastNumber = 0;
  for (const track of plan.tracks) {
    checkTrack(plan.format, track, end, lastNumber);
    lastNumber = track.number;
    end = track.startLba + track.length;
    const { content } = track;
    let source: ByteSource;
    warnIfCutOff(track, plan.warnings);
    if (content.kind === "audio") source = audioSource(content, track.length, scratch);
    else {
      const { file, position, layout } = content;
      source = userData(file, position, track.length, layout, scratch);
      const size = track.length * USER_BYTES;
      if (size > 0) pieces.push({ start: track.startLba * USER_BYTES, size, source });
      stored.push({ file, position, layout, lba: track.startLba, sectors: track.length });
    }
    let session = sessions.get(track.session);
    if (session === undefined) {
      session = { number: track.session, tracks: [] };
      sessions.set(track.session, session);
    }
    session.tracks.push(discTrack(track, source));
  }
  if (end === 0) throw new ImageError("corrupt", plan.format, "the disc has no sectors");
  const disc: DiscLayout = { sessions: [...sessions.values()] };
  if (plan.title !== undefined) disc.title = plan.title;
  if (plan.performer !== undefined) disc.performer = plan.performer;
  return {
    source: new PieceSource(pieces, end * USER_BYTES),
    sectorSize: USER_BYTES,
    disc,
    details: { sessions: sessions.size, tracks: plan.tracks.length, ...plan.details },
    warnings: plan.warnings,
    verify: (progress) => verifySectors(stored, progress),
  };
}

function checkTrack(format: string, track: TrackPlan, end: number, lastNumber: number): void {
  const { number, startLba, length } = track;
  if (!(number >= 1 && number <= MAX_TRACKS)) {
    throw new ImageError(
      "corrupt",
      format,
      `track ${number}: a disc has tracks 1 to ${MAX_TRACKS}`,
    );
  }
  if (number <= lastNumber) {
    throw new ImageError("corrupt", format, `track ${number} follows track ${lastNumber}`);
  }
  if (!(startLba >= end)) {
    throw new ImageError(
      "corrupt",
      format,
      `track ${number} begins at LBA ${startLba}, before the one before it ends at ${end}`,
    );
  }
  if (!(length >= 0)) {
    throw new ImageError("corrupt", format, `track ${number} has ${length} sectors`);
  }
  if (startLba + length > MAX_LBA) {
    throw new ImageError(
      "limit",
      format,
      `track ${number} ends at LBA ${startLba + length}; no disc has more than ${MAX_LBA} sectors`,
    );
  }
}

function warnIfCutOff(track: TrackPlan, warnings: string[]): void {
  const { content, length } = track;
  const stride = content.kind === "audio" ? content.stride : content.layout.stride;
  const needed = content.position + length * stride;
  const missing = Math.min(length, Math.floor((needed - content.file.size) / stride));
  if (missing < 1) return;
  warnings.push(
    `track ${track.number} is cut off: ${missing} of its ${length} sectors are missing from its file, which ends ${at(content.file.size)}`,
  );
}

function audioSource(content: AudioContent, sectors: number, scratch: Scratch): ByteSource {
  const { file, position, stride, bigEndian } = content;
  const size = sectors * RAW_BYTES;
  let source = audioData(file, position, sectors, stride, scratch);
  if (bigEndian) source = new SwappedSource(source);
  if (source.size === size) return source;
  // Sound files end within a sector: silence up to its end. What misses more is an error to read.
  const held = size - source.size < RAW_BYTES ? source.size : size;
  return new PieceSource([{ start: 0, size: held, source }], size);
}

function discTrack(plan: TrackPlan, source: ByteSource): DiscTrack {
  const { number, startLba, length, content, title, performer, isrc } = plan;
  const track: DiscTrack = { number, kind: content.kind, startLba, length, source };
  if (title !== undefined) track.title = title;
  if (performer !== undefined) track.performer = performer;
  if (isrc !== undefined) track.isrc = isrc;
  return track;
}
