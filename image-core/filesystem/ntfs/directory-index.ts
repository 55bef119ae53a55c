/**
 * Directory indexes: $INDEX_ROOT in the record, $INDEX_ALLOCATION's blocks beside it, both :$I30.
 *
 * Read block after block rather than down the tree: every entry is met once whatever the tree's
 * pointers say, and a position in the directory is a place in the image.
 */
import { corrupt, ImageError } from "../../errors.js";
import { AttributeType } from "./attribute.js";
import { FORMAT } from "./boot-sector.js";
import { applyFixups } from "./fixups.js";
import { le16, le32, recordNumber } from "./little-endian.js";
import { type FileRecord, openStream } from "./mft.js";
import type { Disk } from "./stream.js";

const INDEX_NAME = "$I30";
const ROOT_HEADER = 0x10;
const BLOCK_HEADER = 0x18;
const ENTRY_HEADER = 0x10;
const ENTRY_IS_LAST = 2;
const MAX_ROOT = 65536;
/** Cookies below this lie in the root; block n begins at (n + 1) times this. */
const COOKIE_SPAN = 65536;
/** A bit for each block: more than any directory there is. */
const MAX_BITMAP = 1024 * 1024;
/** Blocks that cannot be read at all before the rest of a directory is given up. */
const MAX_LOST_BLOCKS = 1000;

/** An entry: `bytes` from `start` to `end` is its $FILE_NAME. Returning false ends the visit. */
export type VisitEntry = (
  bytes: Uint8Array,
  start: number,
  end: number,
  record: number,
  nextCookie: number,
) => boolean;

/**
 * Visits the entries behind `cookie`. Damage costs its block only: returns the first error met
 * after all that is whole was visited.
 */
export function visitIndex(
  disk: Disk,
  directory: FileRecord,
  cookie: number,
  visit: VisitEntry,
): ImageError | undefined {
  const structure = `directory, file record ${directory.number}`;
  const { attributes } = directory;
  const root = openStream(disk, attributes, AttributeType.indexRoot, INDEX_NAME, structure);
  if (root === undefined) throw corrupt(FORMAT, structure, 0, "has no $INDEX_ROOT:$I30");
  let damage: ImageError | undefined;
  if (cookie < COOKIE_SPAN) {
    const bytes = root.readAll(MAX_ROOT);
    const result = visitNode(bytes, ROOT_HEADER, 0, cookie, structure, visit);
    if (result === "full") return undefined;
    damage = result;
  }
  const blocks = openStream(disk, attributes, AttributeType.indexAllocation, INDEX_NAME, structure);
  if (blocks === undefined) return damage;
  const bitmap = openStream(disk, attributes, AttributeType.bitmap, INDEX_NAME, structure);
  const used = bitmap?.readAll(MAX_BITMAP);
  const size = blockSize(disk, root.readAll(MAX_ROOT));
  const count = Math.floor(Math.min(blocks.size, disk.source.size) / size);
  const bytes = new Uint8Array(size);
  let lost = 0;
  for (let index = Math.max(0, Math.floor(cookie / COOKIE_SPAN) - 1); index < count; index++) {
    // A freed block keeps its stale entries.
    if (used !== undefined && ((used[index >>> 3] ?? 0) & (1 << (index & 7))) === 0) continue;
    try {
      blocks.read(index * size, bytes, 0, size);
      applyFixups(bytes, "INDX", `${structure}, index block ${index}`);
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      damage ??= error;
      if (++lost > MAX_LOST_BLOCKS) return damage;
      continue;
    }
    const base = (index + 1) * COOKIE_SPAN;
    const result = visitNode(bytes, BLOCK_HEADER, base, cookie, structure, visit);
    if (result === "full") return undefined;
    damage ??= result;
  }
  return damage;
}

function visitNode(
  bytes: Uint8Array,
  header: number,
  base: number,
  cookie: number,
  structure: string,
  visit: VisitEntry,
): ImageError | "full" | undefined {
  const wrong = (at: number, problem: string) =>
    corrupt(FORMAT, `${structure}, index entry`, at, problem);
  if (header + 16 > bytes.length) return wrong(0, `node of ${bytes.length} bytes`);
  const first = header + le32(bytes, header);
  const end = header + le32(bytes, header + 4);
  if (first < header + 16 || end > bytes.length) return wrong(first, `entries end at ${end}`);
  for (let at = first; at < end; ) {
    if (at + ENTRY_HEADER > end) return wrong(at, "is cut off");
    const length = le16(bytes, at + 8);
    const keyLength = le16(bytes, at + 10);
    if (length < ENTRY_HEADER || at + length > end || keyLength > length - ENTRY_HEADER) {
      return wrong(at, `length ${length} with a key of ${keyLength} in ${end - at} bytes`);
    }
    if ((le16(bytes, at + 12) & ENTRY_IS_LAST) !== 0) return undefined;
    const key = at + ENTRY_HEADER;
    // An entry's cookie is the place where it ends, so that what begins before is behind us.
    if (base + at >= cookie) {
      const record = recordNumber(bytes, at);
      if (!visit(bytes, key, key + keyLength, record, base + at + length)) return "full";
    }
    at += length;
  }
  return wrong(end, "there is no last one");
}

/** The root says how large the blocks are; the boot sector's word is the default. */
function blockSize(disk: Disk, root: Uint8Array): number {
  const stated = root.length >= 12 ? le32(root, 8) : 0;
  const known = stated >= 512 && stated <= COOKIE_SPAN && (stated & (stated - 1)) === 0;
  return known ? stated : disk.boot.indexBlockSize;
}
