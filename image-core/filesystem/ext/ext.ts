/** Opens ext2, ext3 and ext4: superblock, journal, root. */
import { corrupt, ImageError } from "../../errors.js";
import type { OpenContext } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { readExactly } from "../../source/read-exactly.js";
import { S_IFDIR, S_IFMT, S_IFREG, type Volume, type VolumeDescription } from "../volume.js";
import { type BlockRun, findRun, type MapContext } from "./block-map.js";
import { BlockReader } from "./block-reader.js";
import { ExtVolume, ROOT_INODE } from "./ext-volume.js";
import { Compat, featureNames, generation, Incompat } from "./features.js";
import { GroupDescriptors } from "./group-descriptors.js";
import { decodeInode, I_BLOCK, I_BLOCK_SIZE, type Inode, inodeChecksumOk } from "./inode.js";
import { InodeTable } from "./inode-table.js";
import { type JournalFile, replayJournal } from "./journal.js";
import { volumeLabel } from "./names.js";
import { OverlaySource } from "./overlay-source.js";
import {
  decodeSuperblock,
  FORMAT,
  plausibleSuperblock,
  SUPERBLOCK_POSITION,
  SUPERBLOCK_SIZE,
  type Superblock,
  stateProblem,
} from "./superblock.js";
import { Warnings } from "./warnings.js";

/** Groups that hold backups whatever the features, but for sparse_super2. */
const BACKUP_GROUPS = [1, 3, 5, 7, 9, 25, 27, 49];

export function open(source: ByteSource, _context: OpenContext): Volume {
  let first: ImageError | undefined;
  for (const position of superblockPositions(source)) {
    try {
      return openAt(source, position, first);
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      // What is understood but not read stays unread from a backup.
      if (error.kind === "unsupported" || error.kind === "limit") throw error;
      first ??= error;
    }
  }
  throw first ?? corrupt(FORMAT, "superblock", SUPERBLOCK_POSITION, "is not there");
}

/** The primary, then every plausible backup at the usual places. */
function* superblockPositions(source: ByteSource): Generator<number> {
  yield SUPERBLOCK_POSITION;
  const bytes = new Uint8Array(SUPERBLOCK_SIZE);
  for (let blockSize = 1024; blockSize <= 65536; blockSize *= 2) {
    const firstDataBlock = blockSize === 1024 ? 1 : 0;
    // mke2fs gives a group as many blocks as one block has bits, up to what 16 bits count.
    const blocksPerGroup = Math.min(blockSize * 8, 65528);
    for (const group of BACKUP_GROUPS) {
      const position = (firstDataBlock + group * blocksPerGroup) * blockSize;
      if (position + SUPERBLOCK_SIZE > source.size) break;
      source.read(position, bytes, 0, bytes.length);
      if (!plausibleSuperblock(bytes)) continue;
      const view = new DataView(bytes.buffer);
      const sameGroup = view.getUint16(0x5a, true) === group;
      if (sameGroup && 1024 << view.getUint32(0x18, true) === blockSize) yield position;
    }
  }
}

function openAt(source: ByteSource, position: number, earlier: ImageError | undefined): Volume {
  const warnings = new Warnings();
  if (earlier !== undefined) {
    warnings.add(`read by the backup superblock at 0x${position.toString(16)}: ${earlier.message}`);
  }
  const readSuperblock = (from: ByteSource) =>
    decodeSuperblock(readExactly(from, position, SUPERBLOCK_SIZE, FORMAT, "superblock"), position);
  let superblock = readSuperblock(source);
  let filesystem = assemble(source, superblock, position, warnings);
  const recovered = recover(source, filesystem, position, warnings);
  if (recovered !== undefined) {
    // The superblock and the descriptors may be among what is replayed.
    superblock = readSuperblock(recovered);
    filesystem = assemble(recovered, superblock, position, warnings);
  }
  if (!superblock.checksumOk) warnings.add("the superblock has a wrong checksum");
  const stateWarning = stateProblem(superblock);
  if (stateWarning !== undefined && recovered === undefined) warnings.add(stateWarning);
  const fullSize = superblock.blocksCount * superblock.blockSize;
  if (fullSize > source.size) {
    warnings.add(`the image ends at ${source.size} of ${fullSize} bytes`);
  }
  const descriptorWarning = filesystem.descriptors.checksumWarning();
  if (descriptorWarning !== undefined) warnings.add(descriptorWarning);
  const root = decodeInode(filesystem.inodes.load(ROOT_INODE).slice(), ROOT_INODE, superblock);
  if ((root.mode & S_IFMT) !== S_IFDIR) {
    throw corrupt(FORMAT, "root inode", 0, `mode 0${root.mode.toString(8)} is not a directory's`);
  }
  if (!inodeChecksumOk(root.bytes, ROOT_INODE, superblock)) {
    warnings.add("inode 2 has a wrong checksum");
  }
  return new ExtVolume(describe(superblock, warnings.list), filesystem.map, filesystem.inodes);
}

interface Filesystem {
  map: MapContext;
  descriptors: GroupDescriptors;
  inodes: InodeTable;
}

function assemble(
  source: ByteSource,
  superblock: Superblock,
  position: number,
  warnings: Warnings,
): Filesystem {
  const blocks = new BlockReader(source, superblock.blockSize, superblock.blocksCount);
  const superblockBlock = Math.floor(position / superblock.blockSize);
  const descriptors = new GroupDescriptors(superblock, blocks, superblockBlock);
  return {
    map: {
      superblock,
      blocks,
      firstUse: (block) => warnings.firstUse(block),
      warn: (problem) => warnings.add(problem),
    },
    descriptors,
    inodes: new InodeTable(superblock, descriptors, blocks),
  };
}

/** The source with its journal replayed; undefined where there is nothing to replay. */
function recover(
  source: ByteSource,
  { map, inodes }: Filesystem,
  position: number,
  warnings: Warnings,
): ByteSource | undefined {
  const { superblock, blocks } = map;
  const unclean = (superblock.featureIncompat & Incompat.needs_recovery) !== 0;
  // A backup is not kept up to date: there, only the journal itself knows.
  const isBackup = position !== SUPERBLOCK_POSITION;
  const hasJournal = (superblock.featureCompat & Compat.has_journal) !== 0;
  if (!hasJournal || !(unclean || isBackup)) return undefined;
  if (superblock.journalInode === 0) {
    warnings.add("its newest changes are in an external journal, which is not read");
    return undefined;
  }
  try {
    const journal = journalInode(superblock, inodes);
    const file = journalFile(map, journal);
    const replay = replayJournal(file, blocks, superblock.blocksCount);
    for (const warning of replay.warnings) warnings.add(warning);
    if (replay.blocks.size === 0) return undefined;
    warnings.add(`not unmounted cleanly: ${replay.blocks.size} blocks are read from its journal`);
    return new OverlaySource(source, superblock.blockSize, replay.blocks);
  } catch (error) {
    if (!(error instanceof ImageError) || error.kind === "limit") throw error;
    warnings.add(`not unmounted cleanly, and the journal cannot be replayed: ${error.message}`);
    return undefined;
  }
}

/** The superblock keeps a copy of the journal's block map in case its inode is lost. */
function journalInode(superblock: Superblock, inodes: InodeTable): Inode {
  const number = superblock.journalInode;
  const inode = decodeInode(inodes.load(number).slice(), number, superblock);
  const { journalBackup } = superblock;
  if ((inode.mode & S_IFMT) === S_IFREG && inode.size > 0) return inode;
  if (journalBackup === undefined) {
    throw corrupt(FORMAT, `journal inode ${number}`, 0, `mode 0${inode.mode.toString(8)}`);
  }
  inode.bytes.set(journalBackup.subarray(0, I_BLOCK_SIZE), I_BLOCK);
  const view = new DataView(journalBackup.buffer, journalBackup.byteOffset);
  return { ...inode, size: view.getUint32(64, true) };
}

function journalFile(map: MapContext, inode: Inode): JournalFile {
  const run: BlockRun = { logical: 0, count: 0, physical: 0 };
  return {
    length: Math.floor(inode.size / map.superblock.blockSize),
    physical(index) {
      findRun(map, inode, index, run);
      if (run.physical === 0) {
        throw corrupt(
          FORMAT,
          "journal",
          index * map.superblock.blockSize,
          `block ${index} is a hole`,
        );
      }
      return run.physical + (index - run.logical);
    },
  };
}

function describe(superblock: Superblock, warnings: string[]): VolumeDescription {
  const { featureCompat, featureIncompat, featureRoCompat } = superblock;
  const hex = Buffer.from(superblock.uuid).toString("hex");
  const uuid = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  return {
    format: FORMAT,
    title: generation(featureCompat, featureIncompat, featureRoCompat),
    label: volumeLabel(superblock.volumeName),
    uuid: /[1-9a-f]/.test(hex) ? uuid : undefined,
    created: superblock.makeTime === 0 ? undefined : superblock.makeTime,
    blockSize: superblock.blockSize,
    features: featureNames(featureCompat, featureIncompat, featureRoCompat),
    warnings,
  };
}
