/**
 * The extents of a fork: runs of allocation blocks in file order (TN1150, "Fork Data Structure";
 * Inside Macintosh: Files, "Data Organization on Volumes").
 */
import { ImageError } from "../../errors.js";

/** More extents than any volume of 32-bit block numbers holds in practice; 16 MB at 16 bytes each. */
const MAX_EXTENTS = 1_000_000;

/** Where allocation blocks lie on the device. */
export interface AllocationBlocks {
  /** Byte of allocation block 0. */
  start: number;
  /** In bytes. */
  size: number;
  count: number;
}

/** Extents as a record stores them: startBlock and blockCount by turns. */
export type ExtentRecord = readonly number[];

/** The overflow record of a fork that continues at `fileBlock`, if there is one. */
export type OverflowLookup = (fileBlock: number) => ExtentRecord | undefined;

/** Runs in file order: file blocks from `fileBlocks[i]` lie at `startBlocks[i]`. */
export class ExtentMap {
  readonly fileBlocks: number[] = [];
  readonly startBlocks: number[] = [];
  /** Allocation blocks that the runs cover. */
  blockCount = 0;

  /** Index of the run that holds `fileBlock`, which must lie below `blockCount`. */
  find(fileBlock: number): number {
    let low = 0;
    let high = this.fileBlocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.fileBlocks[middle] <= fileBlock) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** File blocks before the run behind `run`. */
  endOf(run: number): number {
    return run + 1 < this.fileBlocks.length ? this.fileBlocks[run + 1] : this.blockCount;
  }

  /** Appends a record; false where its extents end early or leave the volume. */
  private append(record: ExtentRecord, blocks: AllocationBlocks): boolean {
    for (let i = 0; i < record.length; i += 2) {
      const count = record[i + 1];
      if (count === 0 || record[i] + count > blocks.count) return false;
      const last = this.startBlocks.length - 1;
      if (
        last >= 0 &&
        this.startBlocks[last] + this.blockCount - this.fileBlocks[last] === record[i]
      ) {
        // Contiguous with the run before: one longer run locates and reads better.
        this.blockCount += count;
        continue;
      }
      this.fileBlocks.push(this.blockCount);
      this.startBlocks.push(record[i]);
      this.blockCount += count;
    }
    return true;
  }

  /**
   * Gathers the extents of the first `neededBlocks` of a fork. Stops where the extents stop or
   * leave the volume: what lies before stays readable, `Fork` complains about the rest.
   */
  static gather(
    first: ExtentRecord,
    overflow: OverflowLookup | undefined,
    neededBlocks: number,
    blocks: AllocationBlocks,
    format: string,
  ): ExtentMap {
    const map = new ExtentMap();
    let whole = map.append(first, blocks);
    while (whole && map.blockCount < neededBlocks && overflow !== undefined) {
      const record = overflow(map.blockCount);
      if (record === undefined) break;
      const before = map.blockCount;
      whole = map.append(record, blocks);
      if (map.blockCount === before) break;
      if (map.fileBlocks.length > MAX_EXTENTS) {
        throw new ImageError("limit", format, `a fork has more than ${MAX_EXTENTS} extents`);
      }
    }
    return map;
  }
}
