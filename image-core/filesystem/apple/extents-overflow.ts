/**
 * The extents overflow file: where forks go on behind the extents of their catalog record (TN1150,
 * "Extents Overflow File"; Inside Macintosh: Files, "Extents Overflow Files").
 */
import type { BTree } from "./btree.js";
import type { BTreeNode } from "./btree-node.js";
import type { ExtentRecord } from "./extents.js";

/** forkType of an extent key. */
export const ForkType = { data: 0, resource: 0xff } as const;
export type ForkType = (typeof ForkType)[keyof typeof ForkType];

export class ExtentsOverflow {
  /**
   * `wide`: HFS+, with 32-bit block numbers and eight extents a record; else HFS with three.
   * `tree` may throw: most forks do without it.
   */
  constructor(
    private readonly tree: () => BTree,
    private readonly wide: boolean,
  ) {}

  /** The extents of a fork from `fileBlock` on, if a record begins there. */
  find(fileId: number, forkType: ForkType, fileBlock: number): ExtentRecord | undefined {
    const found = this.tree().search((node, keyStart, keyEnd) => {
      if (keyEnd - keyStart < (this.wide ? 10 : 7))
        throw node.error(keyStart, "an extent key is cut off");
      const { view } = node;
      const keyFileId = view.getUint32(keyStart + (this.wide ? 2 : 1));
      if (keyFileId !== fileId) return keyFileId - fileId;
      const keyForkType = view.getUint8(keyStart);
      if (keyForkType !== forkType) return keyForkType - forkType;
      const startBlock = this.wide ? view.getUint32(keyStart + 6) : view.getUint16(keyStart + 5);
      return startBlock - fileBlock;
    });
    if (found === undefined || !found.exact) return undefined;
    return this.extents(found.node, found.record);
  }

  private extents(node: BTreeNode, record: number): ExtentRecord {
    const start = node.dataStart(record);
    const bytes = this.wide ? 64 : 12;
    if (start + bytes > node.recordEnd(record))
      throw node.error(start, "an extent record is cut off");
    return this.wide ? readExtents32(node.view, start) : readExtents16(node.view, start);
  }
}

/** Eight HFSPlusExtentDescriptors. */
export function readExtents32(view: DataView, start: number): ExtentRecord {
  const extents: number[] = [];
  for (let at = start; at < start + 64; at += 4) extents.push(view.getUint32(at));
  return extents;
}

/** Three ExtDescriptors. */
export function readExtents16(view: DataView, start: number): ExtentRecord {
  const extents: number[] = [];
  for (let at = start; at < start + 12; at += 2) extents.push(view.getUint16(at));
  return extents;
}
