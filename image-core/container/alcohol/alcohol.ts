/** Opens the disc that an Alcohol 120% media descriptor describes. */
import { corrupt, ImageError, unsupported } from "../../errors.js";
import type { Medium, OpenContext } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { readExactly } from "../../source/read-exactly.js";
import { discMedium, type TrackPlan } from "../disc/disc.js";
import { layoutOfSize, RAW_BYTES } from "../disc/sector.js";
import { ImageFiles } from "./files.js";
import {
  decodeHeader,
  decodeSession,
  decodeTrack,
  HEADER_BYTES,
  MEDIUM_DVD,
  SESSION_BYTES,
  TRACK_BYTES,
  TRACK_EXTRA_BYTES,
  type TrackBlock,
} from "./structs.js";

const ID = "alcohol";
const MAX_SESSIONS = 99;
/** Of the mode's low bits. */
const MODE_AUDIO = 1;
const MODE_MODE1 = 2;
const SUBCHANNEL_BYTES = 96;

export function open(source: ByteSource, context: OpenContext): Medium {
  const header = decodeHeader(viewOf(source, 0, HEADER_BYTES, "header"));
  const { numSessions, sessionsBlocksOffset, mediumType } = header;
  if (numSessions > MAX_SESSIONS) {
    throw corrupt(ID, "header", 0, `${numSessions} sessions, a disc has at most ${MAX_SESSIONS}`);
  }
  const dvd = (mediumType & MEDIUM_DVD) !== 0;
  const warnings: string[] = [];
  const files = new ImageFiles(source, context, warnings);
  const tracks: TrackPlan[] = [];
  for (let i = 0; i < numSessions; i++) {
    const at = sessionsBlocksOffset + i * SESSION_BYTES;
    const session = decodeSession(viewOf(source, at, SESSION_BYTES, "session block"));
    const count = session.numAllBlocks;
    const from = session.tracksBlocksOffset;
    const blocks = viewOf(source, from, count * TRACK_BYTES, "track blocks");
    for (let k = 0; k < count; k++) {
      const track = decodeTrack(blocks, k * TRACK_BYTES);
      // The others are the table of contents' A0 to A2.
      if (track.point < 1 || track.point > 99) continue;
      const file = files.of(track);
      tracks.push(trackPlan(track, i + 1, dvd, source, file, from + k * TRACK_BYTES));
    }
  }
  if (tracks.length === 0) throw new ImageError("corrupt", ID, "no track block of a track");
  tracks.sort((a, b) => a.startLba - b.startLba);
  const details = { version: `${header.versionMajor}.${header.versionMinor}`, dvd };
  return discMedium({ format: ID, tracks, details, warnings });
}

function trackPlan(
  track: TrackBlock,
  session: number,
  dvd: boolean,
  descriptor: ByteSource,
  file: ByteSource,
  at: number,
): TrackPlan {
  const { point: number, startSector: startLba, startOffset: position, sectorSize } = track;
  if (startLba < 0 || position > file.size) {
    throw corrupt(
      ID,
      `track block ${number}`,
      at,
      `LBA ${startLba}, offset ${position} of an image of ${file.size} bytes`,
    );
  }
  const mode = track.mode & 7;
  const plan = { number, session, startLba };
  if (mode === MODE_AUDIO) {
    if (sectorSize !== RAW_BYTES && sectorSize !== RAW_BYTES + SUBCHANNEL_BYTES) {
      throw corrupt(ID, `track block ${number}`, at, `audio sectors of ${sectorSize} bytes`);
    }
    const length = trackLength(track, dvd, descriptor, file, sectorSize);
    const stride = sectorSize;
    return {
      ...plan,
      length,
      content: { kind: "audio", file, position, stride, bigEndian: false },
    };
  }
  const kind = mode === MODE_MODE1 ? "mode1" : "mode2";
  const layout = layoutOfSize(mode === MODE_MODE1 ? 1 : 2, sectorSize);
  if (layout === undefined) {
    throw unsupported(
      ID,
      `track ${number}: sectors of ${sectorSize} bytes in mode 0x${track.mode.toString(16)}`,
    );
  }
  const length = trackLength(track, dvd, descriptor, file, layout.stride);
  return { ...plan, length, content: { kind, file, position, layout } };
}

/** In sectors. The pregap that the extra block tells of as well is not in the image. */
function trackLength(
  track: TrackBlock,
  dvd: boolean,
  descriptor: ByteSource,
  file: ByteSource,
  stride: number,
): number {
  let length = track.extraOffset;
  if (!dvd && length !== 0) {
    length = viewOf(descriptor, length, TRACK_EXTRA_BYTES, "extra block").getUint32(4, true);
  }
  return length !== 0 ? length : Math.floor((file.size - track.startOffset) / stride);
}

function viewOf(source: ByteSource, at: number, length: number, structure: string): DataView {
  return new DataView(readExactly(source, at, length, ID, structure).buffer);
}
