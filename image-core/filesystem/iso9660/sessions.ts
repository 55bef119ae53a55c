/**
 * Where the sessions of a disc, or of a file that took several, begin.
 *
 * A disc's table of contents says it. In a plain file there is none, but every session has its own
 * volume descriptors 16 sectors behind its start: xorriso keeps those of the first session at
 * sector 32 and begins each further one at the next multiple of 32, and repeats the newest at
 * sector 16; growisofs only updates sector 16. All addresses count from the start of the disc.
 */
import type { DiscLayout } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { le32 } from "./both-endian.js";
import { LOGICAL_SECTOR } from "./directory-record.js";
import { type DescriptorSet, readDescriptorSet, SYSTEM_AREA_SECTORS } from "./volume-descriptor.js";

/** libburn's alignment of sessions on overwritable media, in sectors. */
const ALIGNMENT = 32;
/** Lead-out and lead-in between a CD's first two sessions, and between later ones; pregap. */
const CD_GAPS = [0, 11_400, 6900, 11_550, 7050, 150];
const MAX_SESSIONS = 1000;

export interface Session {
  /** From 1. */
  number: number;
  startSector: number;
  set: DescriptorSet;
}

/** In order; the last is the newest. Empty where there is no volume descriptor at all. */
export function findSessions(source: ByteSource, disc: DiscLayout | undefined): Session[] {
  const sessions = disc === undefined ? chainedSessions(source) : discSessions(source, disc);
  return sessions.map((session, i) => ({ ...session, number: i + 1 }));
}

type Found = Omit<Session, "number">;

function discSessions(source: ByteSource, disc: DiscLayout): Found[] {
  const found: Found[] = [];
  for (const { tracks } of disc.sessions) {
    const track = tracks.find(({ kind }) => kind !== "audio");
    const session = track === undefined ? undefined : sessionAt(source, track.startLba);
    if (session !== undefined) found.push(session);
  }
  // An image of the file system alone, or a table of contents that counts otherwise.
  return found.length > 0 ? found : chainedSessions(source);
}

function chainedSessions(source: ByteSource): Found[] {
  const newest = sessionAt(source, 0);
  if (newest === undefined) return [];
  const first = sessionAt(source, ALIGNMENT);
  const chain = [first !== undefined && hasOwnRoot(source, first) ? first : newest];
  for (let last = chain[0]; chain.length < MAX_SESSIONS; last = chain[chain.length - 1]) {
    const next = followingSession(source, last);
    if (next === undefined) break;
    chain.push(next);
  }
  // Sector 16 repeats the newest session; if it is another still, it is the newest of all.
  const isLast = chain.some((session) => rootBlock(session) === rootBlock(newest));
  return isLast ? chain : [...chain, newest];
}

function followingSession(source: ByteSource, last: Found): Found | undefined {
  const size = last.set.primary?.volumeSpaceSize ?? 0;
  // The size counts from the session's start, or, by other writers, from the disc's.
  const ends = [last.startSector + size, size];
  for (const end of ends) {
    for (const gap of CD_GAPS) {
      const start = gap === 0 ? Math.ceil(end / ALIGNMENT) * ALIGNMENT : end + gap;
      if (start <= last.startSector + SYSTEM_AREA_SECTORS) continue;
      const next = sessionAt(source, start);
      if (next !== undefined && hasOwnRoot(source, next)) return next;
    }
  }
  return undefined;
}

function sessionAt(source: ByteSource, startSector: number): Found | undefined {
  const set = readDescriptorSet(source, startSector);
  if (set === undefined) return undefined;
  if (set.primary === undefined && set.supplementary.length === 0) return undefined;
  return { startSector, set };
}

function rootBlock({ set }: Found): number {
  return le32((set.primary ?? set.supplementary[0]).rootRecord, 2);
}

/**
 * Is the root directory where the session says, counted from the start of this source? An ISO
 * image that merely lies in or behind another one counts from its own start.
 */
function hasOwnRoot(source: ByteSource, session: Found): boolean {
  const block = rootBlock(session);
  const { logicalBlockSize } = session.set.primary ?? session.set.supplementary[0];
  const blockSize = [512, 1024].includes(logicalBlockSize) ? logicalBlockSize : LOGICAL_SECTOR;
  const head = new Uint8Array(34);
  if (block * blockSize < session.startSector * LOGICAL_SECTOR) return false;
  if (source.read(block * blockSize, head, 0, 34) < 34) return false;
  return head[0] >= 34 && head[32] === 1 && head[33] === 0 && le32(head, 2) === block;
}
