/** The bytes of one file: extents, interleaved or not (ECMA-119 6.4). */
import { at, ImageError } from "../../errors.js";
import type { ByteSource, HostRange } from "../../source/byte-source.js";
import type { FileSection } from "./record-parser.js";

export class SectionContent implements ByteSource {
  readonly size: number;
  /** Where each section begins in the file. */
  private readonly begins: number[] = [];
  private readonly sections: FileSection[] = [];
  /** The run found last: where it lies in the image, and its length. */
  private runPosition = 0;
  private runLength = 0;

  constructor(
    private readonly source: ByteSource,
    sections: readonly FileSection[],
  ) {
    let size = 0;
    for (const section of sections) {
      if (section.length === 0) continue;
      const last = this.sections[this.sections.length - 1];
      if (last !== undefined && isContinued(last, section)) last.length += section.length;
      else {
        this.begins.push(size);
        this.sections.push({ ...section });
      }
      size += section.length;
    }
    this.size = size;
  }

  read(position: number, target: Uint8Array, offset: number, length: number): number {
    if (position >= this.size) return 0;
    const wanted = Math.min(length, this.size - position);
    let done = 0;
    while (done < wanted) {
      this.findRun(position + done);
      const count = Math.min(wanted - done, this.runLength);
      const got = this.source.read(this.runPosition, target, offset + done, count);
      done += got;
      if (got < count) {
        // Also where some bytes came: a short answer would make the kernel believe that it is the
        // file that ends here.
        throw new ImageError(
          "truncated",
          "iso9660",
          `file data ${at(this.runPosition)}: the image ends ${at(this.source.size)}`,
        );
      }
    }
    return done;
  }

  locate(position: number, length: number, range: HostRange): boolean {
    if (position >= this.size || this.source.locate === undefined) return false;
    this.findRun(position);
    return this.source.locate(this.runPosition, Math.min(length, this.runLength), range);
  }

  /** Sets the longest run of the image that holds the file's bytes from `position`. */
  private findRun(position: number): void {
    const { begins, sections } = this;
    let low = 0;
    let high = begins.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (begins[middle] <= position) low = middle;
      else high = middle - 1;
    }
    const section = sections[low];
    const inside = position - begins[low];
    if (section.unit === 0) {
      this.runPosition = section.start + inside;
      this.runLength = section.length - inside;
      return;
    }
    const unit = Math.floor(inside / section.unit);
    const insideUnit = inside - unit * section.unit;
    this.runPosition = section.start + unit * (section.unit + section.gap) + insideUnit;
    this.runLength = Math.min(section.unit - insideUnit, section.length - inside);
  }
}

function isContinued(last: FileSection, next: FileSection): boolean {
  return last.unit === 0 && next.unit === 0 && last.start + last.length === next.start;
}
