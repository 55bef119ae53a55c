/** A file's bytes, wherever they are kept: mapped blocks, holes, or inside the inode. */
import { corrupt, ImageError, unsupported } from "../../errors.js";
import type { HostRange } from "../../source/byte-source.js";
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../volume.js";
import { type BlockRun, findRun, type MapContext } from "./block-map.js";
import { Incompat } from "./features.js";
import { I_BLOCK, I_BLOCK_SIZE, type Inode, InodeFlag } from "./inode.js";
import { FORMAT } from "./superblock.js";
import { inlineTail } from "./xattr.js";

/** A file in use: what is cached for it by node id. */
export interface OpenFile {
  inode: Inode;
  /** Found last. */
  run: BlockRun;
  /** The contents themselves where the inode holds them. */
  inline: Uint8Array | undefined;
}

export function openFile(context: MapContext, inode: Inode): OpenFile {
  return {
    inode,
    run: { logical: 0, count: 0, physical: 0 },
    inline: inlineContents(context, inode),
  };
}

/** As `Volume.read`. */
export function readFile(
  context: MapContext,
  file: OpenFile,
  position: number,
  target: Uint8Array,
  offset: number,
  length: number,
): number {
  const { inode, run, inline } = file;
  refuseUnreadable(inode);
  if (position >= inode.size) return 0;
  const end = Math.min(inode.size, position + length);
  if (inline !== undefined) return readInline(inline, position, end, target, offset);
  const { blockSize } = context.superblock;
  for (let from = position; from < end; ) {
    findRun(context, inode, Math.floor(from / blockSize), run);
    const runEnd = (run.logical + run.count) * blockSize;
    const count = Math.min(end, runEnd) - from;
    if (run.physical === 0) target.fill(0, offset, offset + count);
    else {
      const physical = run.physical * blockSize + (from - run.logical * blockSize);
      const got = context.blocks.source.read(physical, target, offset, count);
      if (got < count) {
        throw new ImageError(
          "truncated",
          FORMAT,
          `inode ${inode.number}: byte ${from + got} lies behind the image's end (${context.blocks.source.size} bytes)`,
        );
      }
    }
    from += count;
    offset += count;
  }
  return end - position;
}

/** As `Volume.locate`. */
export function locateFile(
  context: MapContext,
  file: OpenFile,
  position: number,
  length: number,
  range: HostRange,
): boolean {
  const { inode, run } = file;
  if ((inode.mode & S_IFMT) !== S_IFREG || file.inline !== undefined) return false;
  if ((inode.flags & (InodeFlag.encrypt | InodeFlag.compressed)) !== 0) return false;
  if (position >= inode.size) return false;
  const { blockSize } = context.superblock;
  findRun(context, inode, Math.floor(position / blockSize), run);
  if (run.physical === 0) return false;
  const inside = position - run.logical * blockSize;
  const count = Math.min(length, run.count * blockSize - inside, inode.size - position);
  const { source } = context.blocks;
  return source.locate?.(run.physical * blockSize + inside, count, range) ?? false;
}

/** A symlink's target as bytes. */
export function symlinkTarget(context: MapContext, file: OpenFile): Uint8Array {
  const { inode } = file;
  const { blockSize } = context.superblock;
  if (inode.size > blockSize) {
    throw corrupt(FORMAT, `symlink, inode ${inode.number}`, 0, `target of ${inode.size} bytes`);
  }
  const target = new Uint8Array(inode.size);
  readFile(context, file, 0, target, 0, target.length);
  // As Linux: a NUL ends it.
  const end = target.indexOf(0);
  return end < 0 ? target : target.subarray(0, end);
}

function readInline(
  inline: Uint8Array,
  position: number,
  end: number,
  target: Uint8Array,
  offset: number,
): number {
  const stored = Math.max(0, Math.min(end, inline.length) - position);
  for (let i = 0; i < stored; i++) target[offset + i] = inline[position + i];
  target.fill(0, offset + stored, offset + end - position);
  return end - position;
}

function refuseUnreadable(inode: Inode): void {
  const type = inode.mode & S_IFMT;
  if (type === S_IFREG || type === S_IFLNK) {
    if ((inode.flags & InodeFlag.encrypt) !== 0) {
      throw unsupported(FORMAT, `inode ${inode.number} is encrypted (fscrypt)`);
    }
    if ((inode.flags & InodeFlag.compressed) !== 0) {
      throw unsupported(FORMAT, `inode ${inode.number} is compressed (e2compr)`);
    }
  } else if (type !== S_IFDIR) {
    throw unsupported(
      FORMAT,
      `inode ${inode.number} has no contents: mode 0${inode.mode.toString(8)}`,
    );
  }
}

function inlineContents(context: MapContext, inode: Inode): Uint8Array | undefined {
  if ((inode.flags & InodeFlag.inlineData) !== 0) {
    const tail = inlineTail(inode);
    const whole = new Uint8Array(I_BLOCK_SIZE + tail.length);
    whole.set(inode.bytes.subarray(I_BLOCK, I_BLOCK + I_BLOCK_SIZE));
    whole.set(tail, I_BLOCK_SIZE);
    return whole;
  }
  if ((inode.mode & S_IFMT) === S_IFLNK && isFastSymlink(context, inode)) {
    return inode.bytes.subarray(I_BLOCK, I_BLOCK + I_BLOCK_SIZE);
  }
  return undefined;
}

/** Whether i_block holds the target itself: no block is counted but that of the attributes. */
function isFastSymlink(context: MapContext, inode: Inode): boolean {
  if (inode.size >= I_BLOCK_SIZE) return false;
  const { superblock } = context;
  // There i_blocks also counts the attributes' inodes, and proves nothing.
  if ((superblock.featureIncompat & Incompat.ea_inode) !== 0) return true;
  const attributeBlocks = inode.fileAcl === 0 ? 0 : superblock.clusterSize / 512;
  return inode.blocks <= attributeBlocks;
}
