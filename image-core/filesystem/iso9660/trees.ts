/** The trees that one session offers, and which of them is the richest. */
import { charsetById } from "../../text/charset.js";
import { detectCharset } from "../../text/detect.js";
import type { VolumeDescription } from "../volume.js";
import { be32, le32 } from "./both-endian.js";
import { dotIdentifier, recordExtent } from "./directory-record.js";
import { directoryLength } from "./dot-record.js";
import type { IsoImage } from "./iso-image.js";
import { hasNonAscii, looksLittleEndian, sampleNames } from "./name-samples.js";
import type { Spelling } from "./names.js";
import { PathTable } from "./path-table.js";
import { RecordCursor } from "./record-cursor.js";
import { RecordParser } from "./record-parser.js";
import { RockRidge } from "./rock-ridge.js";
import { type SuspSurvey, surveySusp } from "./susp-survey.js";
import { TreeVolume } from "./tree-volume.js";
import type { DescriptorSet, VolumeDescriptor } from "./volume-descriptor.js";

export type TreeKind = "rockridge" | "joliet" | "enhanced" | "iso9660";

export const TREE_TITLES: Readonly<Record<TreeKind, string>> = {
  rockridge: "Rock Ridge",
  joliet: "Joliet",
  enhanced: "ISO 9660:1999",
  iso9660: "plain names",
};

/** Root directories are counted this far to judge a tree. */
const MAX_COUNTED = 1000;

const MAX_NAME_BYTES: Readonly<Record<TreeKind, number>> = {
  rockridge: 255,
  joliet: 3 * 103,
  enhanced: 207,
  iso9660: 222,
};

export interface Tree {
  kind: TreeKind;
  descriptor: VolumeDescriptor;
  /** Byte offset of the root directory's first record. */
  rootStart: number;
  /** Entries in the root directory, at most 1000; 0 where it cannot be read. */
  rootEntries: number;
  /** Of the primary tree. */
  susp?: SuspSurvey;
}

/** What the session's descriptors lead to, the usually richest first. */
export function findTrees(image: IsoImage, set: DescriptorSet, warnings: string[]): Tree[] {
  const trees: Tree[] = [];
  if (set.primary !== undefined) {
    const rootStart = findRoot(image, set.primary, "iso9660", warnings);
    const rootEntries = countEntries(image, rootStart);
    const plain: Tree = { kind: "iso9660", descriptor: set.primary, rootStart, rootEntries };
    const susp = surveySusp(image, rootStart);
    if (susp.rockRidge) trees.push({ ...plain, kind: "rockridge", susp });
    trees.push(plain);
  }
  for (const descriptor of set.supplementary) {
    const joliet = jolietLevel(descriptor) > 0;
    const kind = joliet ? "joliet" : "enhanced";
    if (!joliet && descriptor.version !== 2) continue;
    if (trees.some((tree) => tree.kind === kind)) continue;
    const rootStart = findRoot(image, descriptor, kind, warnings);
    trees.push({ kind, descriptor, rootStart, rootEntries: countEntries(image, rootStart) });
  }
  const order: TreeKind[] = ["rockridge", "joliet", "enhanced", "iso9660"];
  return trees.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
}

/** The tree to show where nobody asked for one. `trees` is not empty. */
export function richestTree(trees: readonly Tree[]): { tree: Tree; reason: string } {
  let [tree] = trees;
  let reason = trees.length === 1 ? "the only tree" : `${TREE_TITLES[tree.kind]} keeps the most`;
  for (const other of trees.slice(1)) {
    // Trees of one disc hide a file or two from each other, but not half of the root directory.
    if (other.rootEntries > 2 * tree.rootEntries) {
      reason = `${other.rootEntries} entries in its root directory, ${TREE_TITLES[tree.kind]} has ${tree.rootEntries}`;
      tree = other;
    }
  }
  return { tree, reason };
}

/** Joliet's level by its escape sequence (Joliet specification 1.0), 0 for none. */
export function jolietLevel(descriptor: VolumeDescriptor): number {
  const { escapeSequences: bytes } = descriptor;
  for (let i = 0; i + 2 < bytes.length && bytes[i] !== 0; i++) {
    if (bytes[i] !== 0x25 || bytes[i + 1] !== 0x2f) continue;
    const level = [0x40, 0x43, 0x45].indexOf(bytes[i + 2]) + 1;
    if (level > 0) return level;
  }
  return 0;
}

export function openTree(
  image: IsoImage,
  tree: Tree,
  charsetId: string | undefined,
  describe: (spelling: Spelling) => VolumeDescription,
): TreeVolume {
  const spelling = treeSpelling(image, tree, charsetId);
  const rockRidge =
    tree.kind === "rockridge" && tree.susp !== undefined
      ? new RockRidge(image, tree.susp.skip, spelling.charset)
      : undefined;
  return new TreeVolume(
    describe(spelling),
    new RecordParser(image, spelling, rockRidge),
    tree.descriptor,
    tree.rootStart,
    MAX_NAME_BYTES[tree.kind],
  );
}

/** How the tree's names are to be read: byte order and charset are judged by a sample. */
function treeSpelling(image: IsoImage, tree: Tree, charsetId: string | undefined): Spelling {
  if (tree.kind === "joliet") {
    const samples = sampleNames(image, tree.rootStart, undefined, () => true);
    return {
      kind: "joliet",
      charset: charsetById("utf-8"),
      littleEndian: looksLittleEndian(samples),
    };
  }
  const charset =
    charsetId !== undefined
      ? charsetById(charsetId)
      : detectCharset(sampleNames(image, tree.rootStart, tree.susp?.skip, hasNonAscii));
  return {
    kind: tree.kind === "enhanced" ? "enhanced" : "plain",
    charset,
    littleEndian: false,
  };
}

/** Where the root directory begins: by the record in the descriptor, or else by what is left. */
function findRoot(
  image: IsoImage,
  descriptor: VolumeDescriptor,
  kind: TreeKind,
  warnings: string[],
): number {
  const { rootRecord } = descriptor;
  const attributeBlocks = rootRecord[1];
  const chosen = recordExtent(rootRecord, 0, image.blocks);
  const blocks = [chosen, le32(rootRecord, 2), be32(rootRecord, 6)];
  for (const block of blocks) {
    const start = (block + attributeBlocks) * image.blockSize;
    if (directoryLength(image, start) > 0) {
      if (le32(rootRecord, 2) !== be32(rootRecord, 6)) {
        warnings.push(
          `${kind}: the root directory is at block ${block}; the other half of the number says otherwise`,
        );
      }
      return start;
    }
  }
  const spelling: Spelling = {
    kind: kind === "joliet" ? "joliet" : "plain",
    charset: charsetById("utf-8"),
    littleEndian: false,
  };
  const rescued = new PathTable(image, descriptor, spelling).rootStart;
  if (rescued !== undefined && rescued < image.source.size) {
    warnings.push(
      directoryLength(image, rescued) > 0
        ? `${kind}: no root directory at block ${chosen}; found it by the path table`
        : `${kind}: the root directory is damaged; folders come from the path table`,
    );
    return rescued;
  }
  warnings.push(`${kind}: no root directory at block ${chosen}`);
  return (chosen + attributeBlocks) * image.blockSize;
}

function countEntries(image: IsoImage, rootStart: number): number {
  const cursor = new RecordCursor(image);
  const end = rootStart + directoryLength(image, rootStart);
  cursor.open(rootStart, Math.min(end, image.source.size));
  let entries = 0;
  while (entries < MAX_COUNTED && cursor.step()) {
    if (dotIdentifier(cursor.bytes, cursor.at) < 0) entries++;
  }
  return entries;
}
