/** A window onto another source: a partition, a track, an embedded image. */
import type { ByteSource, HostRange } from "./byte-source.js";

export class SliceSource implements ByteSource {
  readonly size: number;

  /** A slice that begins or ends outside `parent` is cut to what is there. */
  constructor(
    private readonly parent: ByteSource,
    private readonly start: number,
    size: number,
  ) {
    this.size = Math.max(0, Math.min(size, parent.size - start));
  }

  read(position: number, target: Uint8Array, offset: number, length: number): number {
    if (position >= this.size) return 0;
    return this.parent.read(
      this.start + position,
      target,
      offset,
      Math.min(length, this.size - position),
    );
  }

  locate(position: number, length: number, range: HostRange): boolean {
    if (position >= this.size || this.parent.locate === undefined) return false;
    return this.parent.locate(this.start + position, Math.min(length, this.size - position), range);
  }
}
