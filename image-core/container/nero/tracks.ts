/** The tracks of one session of a Nero image, written disc at once (DAO) or track at once (ETN). */
import { corrupt, unsupported } from "../../errors.js";
import type { ByteSource } from "../../source/byte-source.js";
import type { TrackPlan } from "../disc/disc.js";
import { headerStart } from "../disc/header-start.js";
import { MSF_OFFSET } from "../disc/msf.js";
import { layoutOfSize, RAW_BYTES } from "../disc/sector.js";
import { sessionGap } from "../disc/session-gap.js";
import type { Chunk } from "./chunks.js";
import {
  CUE_POINT_BYTES,
  DAO_HEADER_BYTES,
  type DaoBlock,
  daoBlockBytes,
  decodeCuePoint,
  decodeDaoBlock,
  decodeDaoHeader,
  decodeEtnBlock,
  etnBlockBytes,
} from "./structs.js";

const ID = "nero";

/** What a mode code means; the size is that of track at once, where no field states it. */
const MODES: Readonly<Record<number, { kind: "audio" | "mode1" | "mode2"; bytes: number }>> = {
  0: { kind: "mode1", bytes: 2048 },
  2: { kind: "mode2", bytes: 2048 },
  3: { kind: "mode2", bytes: 2336 },
  5: { kind: "mode1", bytes: 2352 },
  6: { kind: "mode2", bytes: 2352 },
  7: { kind: "audio", bytes: 2352 },
  15: { kind: "mode1", bytes: 2448 },
  16: { kind: "audio", bytes: 2448 },
  17: { kind: "mode2", bytes: 2448 },
};

/** Chunks that came before a SINF. */
export interface SessionChunks {
  number: number;
  cue?: Chunk;
  dao?: Chunk;
  etn?: Chunk;
}

/** `before`: the tracks of the sessions before. */
export function sessionTracks(
  session: SessionChunks,
  before: readonly TrackPlan[],
  version: 1 | 2,
  file: ByteSource,
): TrackPlan[] {
  const { dao, etn } = session;
  if (dao !== undefined) return daoTracks(session, dao, before, version, file);
  if (etn !== undefined) return etnTracks(session, etn, before, version, file);
  return [];
}

function daoTracks(
  session: SessionChunks,
  dao: Chunk,
  before: readonly TrackPlan[],
  version: 1 | 2,
  file: ByteSource,
): TrackPlan[] {
  if (dao.data.byteLength < DAO_HEADER_BYTES) {
    throw corrupt(ID, `chunk ${dao.id}`, dao.position, `${dao.data.byteLength} bytes`);
  }
  const { firstTrack } = decodeDaoHeader(dao.data);
  const starts = cueStarts(session.cue, version);
  const plans: TrackPlan[] = [];
  let end = endOf(before);
  if (before.length > 0) end += sessionGap(session.number - 1) - MSF_OFFSET;
  const size = daoBlockBytes(version);
  const count = Math.floor((dao.data.byteLength - DAO_HEADER_BYTES) / size);
  for (let i = 0; i < count; i++) {
    const block = decodeDaoBlock(dao.data, DAO_HEADER_BYTES + i * size, version);
    const number = firstTrack + i;
    const structure = `${dao.id} block of track ${number}`;
    const content = contentOf(block.mode, block.sectorSize, file, block.index1, structure);
    checkOffsets(block, dao, structure, file.size);
    const pregap = Math.floor((block.index1 - block.index0) / block.sectorSize);
    // The first track's INDEX 00 lies before LBA 0.
    const counted = before.length + i === 0 ? 0 : end + pregap;
    const startLba = starts.get(number) ?? counted;
    const length = Math.floor((block.end - block.index1) / block.sectorSize);
    const plan: TrackPlan = { number, session: session.number, startLba, length, content };
    if (/^[A-Z0-9]{12}$/.test(block.isrc)) plan.isrc = block.isrc;
    plans.push(plan);
    end = startLba + length;
  }
  return plans;
}

function checkOffsets(block: DaoBlock, dao: Chunk, structure: string, fileSize: number): void {
  const { index0, index1, end } = block;
  if (index0 <= index1 && index1 <= end && end <= fileSize) return;
  throw corrupt(
    ID,
    structure,
    dao.position,
    `INDEX 00 at ${index0}, INDEX 01 at ${index1}, end at ${end} of ${fileSize} bytes`,
  );
}

/**
 * Each track written at once has a pregap of two seconds, which is not in the file. Writers differ in
 * whether the LBA counts it (VCDImager does not, though its filesystem does), so it is a lower
 * bound; the headers of whole data sectors are right.
 */
function etnTracks(
  session: SessionChunks,
  etn: Chunk,
  before: readonly TrackPlan[],
  version: 1 | 2,
  file: ByteSource,
): TrackPlan[] {
  const plans: TrackPlan[] = [];
  const size = etnBlockBytes(version);
  const count = Math.floor(etn.data.byteLength / size);
  const firstNumber = (before.at(-1)?.number ?? 0) + 1;
  let end = endOf(before);
  let earliest = before.length === 0 ? 0 : end + sessionGap(session.number - 1);
  for (let i = 0; i < count; i++) {
    const block = decodeEtnBlock(etn.data, i * size, version);
    const number = firstNumber + i;
    const structure = `${etn.id} block of track ${number}`;
    if (block.offset + block.size > file.size) {
      throw corrupt(
        ID,
        structure,
        etn.position,
        `${block.size} bytes at ${block.offset} of ${file.size}`,
      );
    }
    const bytes = MODES[block.mode]?.bytes ?? 0;
    const content = contentOf(block.mode, bytes, file, block.offset, structure);
    const length = Math.floor(block.size / bytes);
    const stated =
      content.kind === "audio" ? undefined : headerStart(file, block.offset, content.layout);
    const startLba = stated !== undefined && stated >= end ? stated : Math.max(earliest, block.lba);
    plans.push({ number, session: session.number, startLba, length, content });
    end = startLba + length;
    earliest = end + MSF_OFFSET;
  }
  return plans;
}

function contentOf(
  mode: number,
  bytes: number,
  file: ByteSource,
  position: number,
  structure: string,
): TrackPlan["content"] {
  const kind = MODES[mode]?.kind;
  if (kind === undefined) throw unsupported(ID, `${structure}: mode 0x${mode.toString(16)}`);
  if (kind === "audio") {
    if (bytes === RAW_BYTES || bytes === RAW_BYTES + 96) {
      return { kind, file, position, stride: bytes, bigEndian: false };
    }
  } else {
    const layout = layoutOfSize(kind === "mode1" ? 1 : 2, bytes);
    if (layout !== undefined) return { kind, file, position, layout };
  }
  throw unsupported(ID, `${structure}: sectors of ${bytes} bytes in mode 0x${mode.toString(16)}`);
}

/** LBA of INDEX 01 by track. */
function cueStarts(cue: Chunk | undefined, version: 1 | 2): Map<number, number> {
  const starts = new Map<number, number>();
  if (cue === undefined) return starts;
  for (let at = 0; at + CUE_POINT_BYTES <= cue.data.byteLength; at += CUE_POINT_BYTES) {
    const { track, index, lba } = decodeCuePoint(cue.data, at, version);
    if (track >= 1 && track <= 99 && index === 1 && !starts.has(track)) starts.set(track, lba);
  }
  return starts;
}

function endOf(tracks: readonly TrackPlan[]): number {
  const last = tracks.at(-1);
  return last === undefined ? 0 : last.startLba + last.length;
}
