/**
 * From where a session's block numbers count: from the start of the disc (ECMA-119 6.2.1), whatever
 * the writer or whoever copied the session made of that.
 *
 * A later track that was written as if it were a disc of its own counts from its own start. A later
 * session that was copied to a file by itself goes on counting from the start of its disc, which is
 * not there. Where the root directory lies tells, for its `.` names its own block.
 */

import type { ByteSource } from "../../source/byte-source.js";
import { PieceSource } from "../../source/piece-source.js";
import { SliceSource } from "../../source/slice-source.js";
import { le32 } from "./both-endian.js";
import { LOGICAL_SECTOR } from "./directory-record.js";
import type { Session } from "./sessions.js";
import { readDescriptorSet } from "./volume-descriptor.js";

/** Where a root directory lies at most, path tables of 65,535 directories before it. */
const SEARCHED_SECTORS = 4096;
/** No disc has more sectors. */
const MAX_START = 2 ** 26;

export interface PlacedSession {
  /** In which the session's block numbers are right. */
  source: ByteSource;
  session: Session;
  warnings: string[];
}

export function placeSession(source: ByteSource, session: Session): PlacedSession {
  const asIs = { source, session, warnings: [] };
  const descriptor = session.set.primary ?? session.set.supplementary[0];
  if (![0, LOGICAL_SECTOR].includes(descriptor.logicalBlockSize)) return asIs;
  const root = le32(descriptor.rootRecord, 2);
  const { startSector } = session;
  if (root === 0 || root > MAX_START || isRootAt(source, root, root)) return asIs;
  if (startSector > 0) {
    if (!isRootAt(source, startSector + root, root)) return asIs;
    const own = new SliceSource(source, startSector * LOGICAL_SECTOR, source.size);
    const said = `session ${session.number} counts blocks from its own start, sector ${startSector}`;
    return moved(own, 0, session, said) ?? asIs;
  }
  const last = Math.min(SEARCHED_SECTORS, root, Math.ceil(source.size / LOGICAL_SECTOR));
  for (let sector = 0; sector < last; sector++) {
    if (!isRootAt(source, sector, root)) continue;
    const start = root - sector;
    const before = start * LOGICAL_SECTOR;
    // What earlier sessions hold is an error to read, not zeros.
    const missing = { start: 0, size: before, source: new SliceSource(source, 0, 0) };
    const here = { start: before, size: source.size, source };
    const disc = new PieceSource([missing, here], before + source.size);
    const said = `a later session by itself: its blocks count from ${start} sectors before the image`;
    return moved(disc, start, session, said) ?? asIs;
  }
  return asIs;
}

function moved(
  source: ByteSource,
  startSector: number,
  session: Session,
  warning: string,
): PlacedSession | undefined {
  const set = readDescriptorSet(source, startSector);
  if (set === undefined) return undefined;
  return { source, session: { ...session, startSector, set }, warnings: [warning] };
}

/** Whether a directory begins there that says it is the one at `block`. */
function isRootAt(source: ByteSource, sector: number, block: number): boolean {
  const head = new Uint8Array(34);
  const position = sector * LOGICAL_SECTOR;
  if (position + 34 > source.size || source.read(position, head, 0, 34) < 34) return false;
  return head[0] >= 34 && head[32] === 1 && head[33] === 0 && le32(head, 2) === block;
}
