/**
 * File directory entries (Inside Macintosh II-122, "File Directory"). All fields big-endian, dates
 * in local time.
 */

/** Without the name; entries begin at even offsets. */
const ENTRY_HEAD_BYTES = 51;

/** Bits of flFlags. */
const ENTRY_USED = 0x80;
const FILE_LOCKED = 0x01;

/** One fork: its first allocation block, its logical and its physical end in bytes. */
interface ForkStart {
  stBlk: number;
  lgLen: number;
  pyLen: number;
}

export interface FileDirectoryEntry {
  /** Byte within the directory; even. */
  readonly position: number;
  readonly locked: boolean;
  /** Version number: two files may share a name but for this. */
  readonly flTyp: number;
  /** FInfo: type, creator, Finder flags, location, folder. */
  readonly flUsrWds: Uint8Array;
  readonly flFlNum: number;
  readonly dataFork: ForkStart;
  readonly resourceFork: ForkStart;
  readonly flCrDat: number;
  readonly flMdDat: number;
  /** In a Mac script. */
  readonly flNam: Uint8Array;
}

/** `start`: where it would begin; a block of the directory holds entries up to the first unused one. */
export function isUsed(block: Uint8Array, start: number): boolean {
  return start + ENTRY_HEAD_BYTES <= block.length && (block[start] & ENTRY_USED) !== 0;
}

/** Up to the next entry. May lie beyond the block of a damaged one. */
export function entryBytes(block: Uint8Array, start: number): number {
  const bytes = ENTRY_HEAD_BYTES + block[start + 50];
  return bytes + (bytes & 1);
}

/** Of an entry that is used and whose name lies in the block. The block must not change afterwards. */
export function decodeEntry(
  block: Uint8Array,
  start: number,
  position: number,
): FileDirectoryEntry {
  const view = new DataView(block.buffer, block.byteOffset + start, ENTRY_HEAD_BYTES);
  const nameStart = start + ENTRY_HEAD_BYTES;
  return {
    position,
    locked: (view.getUint8(0) & FILE_LOCKED) !== 0,
    flTyp: view.getUint8(1),
    flUsrWds: block.subarray(start + 2, start + 18),
    flFlNum: view.getUint32(18),
    dataFork: forkStart(view, 22),
    resourceFork: forkStart(view, 32),
    flCrDat: view.getUint32(42),
    flMdDat: view.getUint32(46),
    flNam: block.subarray(nameStart, nameStart + view.getUint8(50)),
  };
}

function forkStart(view: DataView, offset: number): ForkStart {
  return {
    stBlk: view.getUint16(offset),
    lgLen: view.getUint32(offset + 2),
    pyLen: view.getUint32(offset + 6),
  };
}
