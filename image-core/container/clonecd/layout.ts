/**
 * The tracks of a CloneCD image.
 *
 * The control file holds the table of contents as READ TOC (format 2) returns it: an entry for each
 * track, and POINT A2 for the lead-out of each session. The image holds the sessions one behind the
 * other, without what lies between them.
 */
import { ImageError } from "../../errors.js";
import type { ByteSource } from "../../source/byte-source.js";
import type { TrackPlan } from "../disc/disc.js";
import { headerStart } from "../disc/header-start.js";
import { frames, MSF_OFFSET } from "../disc/msf.js";
import { hasSync, headerMode, RAW_BYTES, type SectorLayout, sectorLayout } from "../disc/sector.js";
import { sheetError } from "../disc/sheet.js";
import { numberOf, requiredNumber, type Section } from "./parse.js";

const ID = "clonecd";
const POINT_LEAD_OUT = 0xa2;
/** In the control field of subchannel Q: a data track. */
const CONTROL_DATA = 4;

interface TocEntry {
  session: number;
  point: number;
  control: number;
  lba: number;
  line: number;
}

/** `image`: the `.img` file. */
export function layOut(sections: readonly Section[], image: ByteSource): TrackPlan[] {
  const entries = sections.filter((section) => section.name.startsWith("entry ")).map(tocEntry);
  const details = trackSections(sections);
  const plans: TrackPlan[] = [];
  /** Where the session begins in the image, in sectors. */
  let base = 0;
  for (const session of [...new Set(entries.map((entry) => entry.session))].sort((a, b) => a - b)) {
    const tracks = entries
      .filter((entry) => entry.session === session && entry.point >= 1 && entry.point <= 99)
      .sort((a, b) => a.lba - b.lba);
    if (tracks.length === 0) continue;
    const first = plans.length === 0 ? Math.min(0, tracks[0].lba) : tracks[0].lba;
    if (plans.length > 0) base = sessionBase(image, base, first);
    const leadOut =
      entries.find((entry) => entry.session === session && entry.point === POINT_LEAD_OUT)?.lba ??
      first + Math.floor(image.size / RAW_BYTES) - base;
    tracks.forEach((entry, index) => {
      const next = tracks.at(index + 1);
      const end = next === undefined ? leadOut : next.lba - pregap(details.get(next.point));
      const sector = base + entry.lba - first;
      plans.push(trackPlan(entry, end, sector, image, details.get(entry.point)));
    });
    base += leadOut - first;
  }
  if (plans.length === 0) throw new ImageError("corrupt", ID, "no [Entry] of a track");
  return plans;
}

function tocEntry(section: Section): TocEntry {
  const point = requiredNumber(section, "point");
  const lba =
    numberOf(section, "plba") ??
    frames(
      requiredNumber(section, "pmin"),
      requiredNumber(section, "psec"),
      requiredNumber(section, "pframe"),
    ) - MSF_OFFSET;
  const session = numberOf(section, "session") ?? 1;
  if (session < 1 || session > 99) {
    throw sheetError(ID, section.line, `[${section.name}] session ${session} of at most 99`);
  }
  if (point >= 1 && point <= 99 && lba < 0) {
    throw sheetError(ID, section.line, `[${section.name}] track ${point} begins at LBA ${lba}`);
  }
  return { session, point, control: numberOf(section, "control") ?? 0, lba, line: section.line };
}

/** The sections `[TRACK n]` by their number. */
function trackSections(sections: readonly Section[]): Map<number, Section> {
  const found = new Map<number, Section>();
  for (const section of sections) {
    const number = /^track (\d{1,2})$/.exec(section.name)?.[1];
    if (number !== undefined) found.set(Number(number), section);
  }
  return found;
}

/** What lies in the image between INDEX 00 and INDEX 01 belongs to neither track. */
function pregap(track: Section | undefined): number {
  if (track === undefined) return 0;
  const index0 = numberOf(track, "index 0");
  const index1 = numberOf(track, "index 1");
  if (index0 === undefined || index1 === undefined) return 0;
  return Math.max(0, index1 - index0);
}

/**
 * Where a later session's first track begins in the image. Writers differ in whether its pregap, or
 * all that lies between, is in the image: the headers of data sectors tell.
 */
function sessionBase(image: ByteSource, base: number, lba: number): number {
  for (const sector of [base, base + MSF_OFFSET, lba]) {
    if (headerStart(image, sector * RAW_BYTES, rawLayout(1)) === lba) return sector;
  }
  return base;
}

function trackPlan(
  entry: TocEntry,
  end: number,
  sector: number,
  image: ByteSource,
  details: Section | undefined,
): TrackPlan {
  const { point: number, session, lba: startLba } = entry;
  if (end < startLba) {
    throw sheetError(
      ID,
      entry.line,
      `track ${number} begins at LBA ${startLba} and ends at ${end}`,
    );
  }
  const position = sector * RAW_BYTES;
  const mode = modeOf(entry, image, position, details);
  const plan: TrackPlan = {
    number,
    session,
    startLba,
    length: end - startLba,
    content:
      mode === 0
        ? { kind: "audio", file: image, position, stride: RAW_BYTES, bigEndian: false }
        : {
            kind: mode === 1 ? "mode1" : "mode2",
            file: image,
            position,
            layout: rawLayout(mode),
          },
  };
  const isrc = details?.values.get("isrc");
  if (isrc !== undefined && isrc !== "") plan.isrc = isrc;
  return plan;
}

/** The first sector decides, for the file may be wrong about the mode; 0 is audio. */
function modeOf(
  entry: TocEntry,
  image: ByteSource,
  position: number,
  details: Section | undefined,
): 0 | 1 | 2 {
  const head = new Uint8Array(16);
  if (image.read(position, head, 0, 16) === 16 && hasSync(head, 0)) {
    return headerMode(head, 0) === 2 ? 2 : 1;
  }
  if ((entry.control & CONTROL_DATA) === 0) return 0;
  return details !== undefined && numberOf(details, "mode") === 2 ? 2 : 1;
}

function rawLayout(mode: 1 | 2): SectorLayout {
  return sectorLayout(mode, RAW_BYTES) as SectorLayout;
}
