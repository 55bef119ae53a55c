/** A source some of whose sectors are found elsewhere in it: a journal's blocks over their homes. */
import type { ByteSource, HostRange } from "../../source/byte-source.js";

export const SECTOR_BYTES = 512;

export class OverlaySource implements ByteSource {
  readonly size: number;
  // Runs in ascending order, in bytes.
  private readonly starts: number[] = [];
  private readonly ends: number[] = [];
  private readonly elsewhere: number[] = [];

  /** `sectors`: sector number to the byte where its contents lie. */
  constructor(
    private readonly source: ByteSource,
    sectors: ReadonlyMap<number, number>,
  ) {
    this.size = source.size;
    for (const sector of [...sectors.keys()].sort((a, b) => a - b)) {
      const start = sector * SECTOR_BYTES;
      const where = sectors.get(sector) as number;
      const last = this.starts.length - 1;
      const follows =
        last >= 0 &&
        this.ends[last] === start &&
        this.elsewhere[last] + this.ends[last] - this.starts[last] === where;
      if (follows) this.ends[last] += SECTOR_BYTES;
      else {
        this.starts.push(start);
        this.ends.push(start + SECTOR_BYTES);
        this.elsewhere.push(where);
      }
    }
  }

  read(position: number, target: Uint8Array, offset: number, length: number): number {
    if (position >= this.size) return 0;
    const end = Math.min(this.size, position + length);
    let run = this.firstRunEndingBehind(position);
    let from = position;
    while (from < end) {
      const replaced = run < this.starts.length && this.starts[run] <= from;
      const until = run === this.starts.length ? end : replaced ? this.ends[run] : this.starts[run];
      const count = Math.min(end, until) - from;
      const where = replaced ? this.elsewhere[run] + from - this.starts[run] : from;
      const got = this.source.read(where, target, offset, count);
      from += got;
      offset += got;
      if (got < count) break;
      if (replaced) run++;
    }
    return from - position;
  }

  locate(position: number, length: number, range: HostRange): boolean {
    if (position >= this.size || this.source.locate === undefined) return false;
    const run = this.firstRunEndingBehind(position);
    if (run === this.starts.length) return this.source.locate(position, length, range);
    if (this.starts[run] > position) {
      return this.source.locate(position, Math.min(length, this.starts[run] - position), range);
    }
    const where = this.elsewhere[run] + position - this.starts[run];
    return this.source.locate(where, Math.min(length, this.ends[run] - position), range);
  }

  private firstRunEndingBehind(position: number): number {
    let low = 0;
    let high = this.ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.ends[middle] <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
