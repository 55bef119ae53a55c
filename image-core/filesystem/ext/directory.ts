/**
 * Directory blocks, read one after another. Index blocks of hashed directories look like empty
 * ones to this, as they were meant to.
 *
 * Linux `Documentation/filesystems/ext4/directory.rst`.
 */
import { corrupt, ImageError } from "../../errors.js";
import { findRun, type MapContext } from "./block-map.js";
import { crc32c } from "./crc32c.js";
import { Incompat, RoCompat } from "./features.js";
import type { OpenFile } from "./file-contents.js";
import { I_BLOCK_SIZE, InodeFlag } from "./inode.js";
import { le16, le32 } from "./little-endian.js";
import { FORMAT } from "./superblock.js";

const ENTRY_HEADER = 8;
/** The entry that is none: four bytes of checksum at a block's end. */
const TAIL_SIZE = 12;
const EXT4_FT_DIR_CSUM = 0xde;
/** An inline directory begins with its parent's inode number instead of `.` and `..`. */
const INLINE_PARENT_SIZE = 4;
/** Blocks that cannot be read at all before the rest of a directory is given up. */
const MAX_LOST_BLOCKS = 1000;

/**
 * One entry: `bytes` from `start` to `end` is its name, valid during the call. `next` is the byte
 * offset in the directory behind it. Returning false ends the visit.
 */
export type VisitEntry = (
  bytes: Buffer,
  start: number,
  end: number,
  inode: number,
  next: number,
) => boolean;

/**
 * Visits the entries that begin at byte `from` or behind it, `.` and `..` included (an inline
 * directory has neither). Damage costs the rest of its block only: returns the first error met
 * after all that is whole was visited.
 */
export function visitEntries(
  context: MapContext,
  directory: OpenFile,
  from: number,
  visit: VisitEntry,
): ImageError | undefined {
  const { inode, inline } = directory;
  const { blockSize } = context.superblock;
  if (inline !== undefined) return visitInline(context, directory, inline, from, visit);
  // No directory is sparse: one larger than the image is a lie, and not worth its holes' time.
  const size = Math.min(inode.size, context.blocks.source.size);
  const buffer = Buffer.alloc(blockSize);
  const run = { logical: 0, count: 0, physical: 0 };
  let damage: ImageError | undefined;
  let lost = 0;
  for (let logical = Math.floor(from / blockSize); logical * blockSize < size; logical++) {
    const base = logical * blockSize;
    try {
      findRun(context, inode, logical, run);
      if (run.physical === 0) {
        damage ??= corrupt(FORMAT, `directory, inode ${inode.number}`, base, "has a hole");
        logical = run.logical + run.count - 1;
        continue;
      }
      const physical = run.physical + (logical - run.logical);
      buffer.set(context.blocks.block(physical, `directory, inode ${inode.number}`));
      checkBlock(context, directory, buffer, logical, physical);
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      damage ??= error;
      if (++lost > MAX_LOST_BLOCKS) return damage;
      continue;
    }
    const result = visitBlock(context, directory, buffer, 0, blockSize, base, from, visit);
    if (result === "full") return undefined;
    damage ??= result;
  }
  return damage;
}

/** The inode number of a directory's parent: its second entry, always. Throws `corrupt` without one. */
export function parentInode(context: MapContext, directory: OpenFile): number {
  const { inode, inline } = directory;
  if (inline !== undefined) return le32(inline, 0);
  const structure = `directory, inode ${inode.number}`;
  const { blockSize } = context.superblock;
  const run = { logical: 0, count: 0, physical: 0 };
  findRun(context, inode, 0, run);
  if (run.physical === 0) throw corrupt(FORMAT, structure, 0, "has a hole");
  const bytes = context.blocks.block(run.physical, structure);
  const second = recordLength(le16(bytes, 4), blockSize);
  const fits = second >= ENTRY_HEADER && second + ENTRY_HEADER + 2 <= blockSize;
  if (fits && bytes[second + 8] === 0x2e && bytes[second + 9] === 0x2e) return le32(bytes, second);
  throw corrupt(FORMAT, structure, second, "has no `..`");
}

/** Two runs of entries: behind the parent in i_block, and the attribute `system.data`. */
function visitInline(
  context: MapContext,
  directory: OpenFile,
  inline: Uint8Array,
  from: number,
  visit: VisitEntry,
): ImageError | undefined {
  const bytes = Buffer.from(inline.buffer, inline.byteOffset, inline.length);
  const first = visitBlock(
    context,
    directory,
    bytes,
    INLINE_PARENT_SIZE,
    I_BLOCK_SIZE,
    0,
    from,
    visit,
  );
  if (first === "full") return undefined;
  const second = visitBlock(context, directory, bytes, I_BLOCK_SIZE, bytes.length, 0, from, visit);
  return first ?? (second === "full" ? undefined : second);
}

/** Entries of `bytes` from `start` to `end`; byte 0 of `bytes` is byte `base` of the directory. */
function visitBlock(
  context: MapContext,
  directory: OpenFile,
  bytes: Buffer,
  start: number,
  end: number,
  base: number,
  from: number,
  visit: VisitEntry,
): ImageError | "full" | undefined {
  const { blockSize, featureIncompat } = context.superblock;
  const typed = (featureIncompat & Incompat.filetype) !== 0;
  const wrong = (position: number, problem: string) =>
    corrupt(FORMAT, `directory, inode ${directory.inode.number}, entry`, base + position, problem);
  for (let entry = start; entry < end; ) {
    if (entry + ENTRY_HEADER > end) return wrong(entry, "is cut off");
    const inode = le32(bytes, entry);
    const length = recordLength(le16(bytes, entry + 4), blockSize);
    const nameLength = typed ? bytes[entry + 6] : le16(bytes, entry + 6);
    if (length < ENTRY_HEADER || length % 4 !== 0 || entry + length > end) {
      return wrong(entry, `rec_len ${length} with ${end - entry} bytes left`);
    }
    if (inode !== 0) {
      if (ENTRY_HEADER + nameLength > length || nameLength > 255) {
        return wrong(entry, `name of ${nameLength} bytes in rec_len ${length}`);
      }
      if (inode > context.superblock.inodesCount) {
        return wrong(entry, `inode ${inode} of ${context.superblock.inodesCount}`);
      }
      const name = entry + ENTRY_HEADER;
      if (base + entry >= from) {
        if (!visit(bytes, name, name + nameLength, inode, base + entry + length)) return "full";
      }
    }
    entry += length;
  }
  return undefined;
}

/** Blocks of 64 KiB do not fit 16 bits: 0 and 65535 stand for all of it, the low bits for more. */
function recordLength(stored: number, blockSize: number): number {
  if (blockSize < 65536) return stored;
  if (stored === 65535 || stored === 0) return blockSize;
  return (stored & 65532) | ((stored & 3) << 16);
}

function checkBlock(
  context: MapContext,
  directory: OpenFile,
  bytes: Buffer,
  logical: number,
  physical: number,
): void {
  if ((context.superblock.featureRoCompat & RoCompat.metadata_csum) === 0) return;
  if (!context.firstUse(physical)) return;
  const tail = bytes.length - TAIL_SIZE;
  // Blocks of the hash index keep theirs elsewhere; nothing is read from them.
  const isRoot = logical === 0 && (directory.inode.flags & InodeFlag.index) !== 0;
  const isNode =
    le32(bytes, 0) === 0 && recordLength(le16(bytes, 4), bytes.length) === bytes.length;
  const hasTail =
    le32(bytes, tail) === 0 &&
    le16(bytes, tail + 4) === TAIL_SIZE &&
    bytes[tail + 7] === EXT4_FT_DIR_CSUM;
  if (isRoot || isNode || !hasTail) return;
  if (crc32c(directory.inode.checksumSeed, bytes, 0, tail) !== le32(bytes, tail + 8)) {
    const number = directory.inode.number;
    context.warn(`directory, inode ${number}: block ${physical} has a wrong checksum`);
  }
}
