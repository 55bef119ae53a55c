/**
 * Discs that do not begin where their image begins: behind the two seconds before LBA 0, which a CD
 * has and an image should not, or behind a header that some program put in front.
 */
import type { ProbeWindow } from "../format.js";
import { candidates, probeWindow } from "../probe.js";
import { containerFormats, filesystemFormats } from "../registry.js";
import type { ByteSource } from "../source/byte-source.js";
import { SliceSource } from "../source/slice-source.js";

const SECTOR = 2048;
const DESCRIPTORS_AT = 16 * SECTOR;
/** Sectors of two seconds; by what is stored of each. */
const PREGAP = 150;
const SECTOR_SIZES = [2048, 2352, 2336, 2448] as const;
/** `CD001` that are looked at: text may hold some. */
const MAX_FOUND = 64;

const rawSectors = containerFormats.filter(({ id }) => id === "rawsector");
const discFilesystems = filesystemFormats.filter(({ id }) => id === "iso9660");

/** Bytes before the disc; 0 where none is found. To be asked only where nothing begins the image. */
export function displacement(source: ByteSource): number {
  const window = probeWindow(source, "");
  for (const size of SECTOR_SIZES) {
    const start = PREGAP * size;
    if (start >= source.size) continue;
    const rest = new SliceSource(source, start, source.size);
    const formats = size === SECTOR ? discFilesystems : rawSectors;
    if (candidates<unknown>(formats, probeWindow(rest, "")).length > 0) return start;
  }
  return behindHeader(window);
}

/** By a primary volume descriptor further on than it should be, whose root directory is in its place. */
function behindHeader({ head, source }: ProbeWindow): number {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.length);
  let at = DESCRIPTORS_AT;
  for (let found = 0; found < MAX_FOUND; found++) {
    at = bytes.indexOf("\x01CD001\x01", at + 1, "latin1");
    if (at < 0 || at + 190 > bytes.length) return 0;
    const start = at - DESCRIPTORS_AT;
    const block = bytes.readUInt32LE(at + 158);
    const root = new Uint8Array(34);
    if (source.read(start + block * SECTOR, root, 0, 34) < 34) continue;
    if (root[0] >= 34 && root[32] === 1 && root[33] === 0 && named(root) === block) return start;
  }
  return 0;
}

/** The block that a directory's `.` names as its own. */
function named(record: Uint8Array): number {
  return new DataView(record.buffer).getUint32(2, true);
}
