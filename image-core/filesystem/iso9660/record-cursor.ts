/**
 * Steps through the directory records of an extent. Damaged sectors are skipped and counted; a
 * directory that the image cuts off ends in `truncated` after what is there.
 */
import { at, ImageError } from "../../errors.js";
import { LOGICAL_SECTOR, RECORD_HEAD, recordHalvesAgree } from "./directory-record.js";
import type { IsoImage } from "./iso-image.js";

/** A real directory has no gap; an endless one of zeros would keep a reader busy. */
const MAX_ZERO_BYTES = 1 << 20;

export class RecordCursor {
  /** The record lies at `at` in `bytes`; valid until the next call that reads the image. */
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  /** Byte offset of the record in the image. */
  position = 0;
  /** Byte offset behind the record: where `seek` goes on. */
  next = 0;
  /** Sectors skipped because a record in them was impossible. */
  damaged = 0;
  private end = 0;
  private readonly scratch = new Uint8Array(256);

  constructor(private readonly image: IsoImage) {}

  /** Begins at byte `start`, ends before byte `end`. */
  open(start: number, end: number): void {
    this.next = start;
    this.end = end;
    this.damaged = 0;
  }

  seek(position: number): void {
    this.next = position;
  }

  /** Makes `bytes` valid again after the image was read. */
  refresh(): void {
    if (this.bytes !== this.scratch) this.bytes = this.image.blockAt(this.position);
  }

  /** False at the end. Throws `truncated` where the image ends before the directory does. */
  step(): boolean {
    const { image } = this;
    let zeroBytes = 0;
    for (;;) {
      const position = this.next;
      if (position >= this.end) return false;
      if (position >= image.source.size) return this.imageEnds(position);
      const inside = image.insideBlock(position);
      const bytes = image.blockAt(position);
      const length = bytes[inside];
      if (length === 0) {
        // The rest of the sector is unused. By logical block: some writers align to that.
        this.next = (Math.floor(position / image.blockSize) + 1) * image.blockSize;
        zeroBytes += this.next - position;
        if (zeroBytes > MAX_ZERO_BYTES) return false;
        continue;
      }
      this.position = position;
      if (this.take(bytes, inside, length)) {
        this.next = position + length;
        return true;
      }
      this.damaged++;
      this.next = (Math.floor(position / LOGICAL_SECTOR) + 1) * LOGICAL_SECTOR;
    }
  }

  private take(bytes: Uint8Array, inside: number, length: number): boolean {
    const { image, position } = this;
    if (length <= RECORD_HEAD || position + length > this.end) return false;
    if (position + length > image.source.size) return false;
    const leavesSector = (position % LOGICAL_SECTOR) + length > LOGICAL_SECTOR;
    if (image.blockRest(position) < length) {
      image.cache.read(position, this.scratch, 0, length);
      this.bytes = this.scratch;
      this.at = 0;
    } else {
      this.bytes = bytes;
      this.at = inside;
    }
    if (RECORD_HEAD + this.bytes[this.at + 32] > length) return false;
    // Forbidden, but Linux reads it, so there are writers who got away with it.
    return !leavesSector || recordHalvesAgree(this.bytes, this.at);
  }

  private imageEnds(position: number): boolean {
    throw new ImageError(
      "truncated",
      "iso9660",
      `directory ${at(position)}: goes on to 0x${this.end.toString(16)}, the image ends ${at(this.image.source.size)}`,
    );
  }
}
