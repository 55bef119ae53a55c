/** Walking the File Identifier Descriptors of a directory, whatever lies between them. */
import { corrupt, ImageError } from "../../errors.js";
import type { ByteSource } from "../../source/byte-source.js";
import { bodyProblem, u32 } from "./descriptor-tag.js";
import type { Extents } from "./extents.js";
import { FID_HEADER_LENGTH, fidLength } from "./file-identifier.js";

/** No directory of a real disc comes near. */
const MAX_DIRECTORY_BYTES = 2 ** 30;
/** Of UDF; damage comes by the sector. */
const MIN_BLOCK = 512;
/** How much garbage is searched for the next descriptor. */
const MAX_DAMAGE_BYTES = 1024 * 1024;

export class DirectoryStream {
  /** The descriptor found last lies in `bytes` at `at`. Valid until the next call. */
  bytes: Uint8Array;
  at = 0;
  /** In the directory: where it begins, and where the next one may. */
  position = 0;
  next = 0;
  /** Bytes passed over because they are no descriptors. */
  damaged = 0;
  /** Bytes behind the last descriptor, once `seek` said that none is left. */
  unused = 0;
  /** Whether what was found goes on in another block and is not whole: that one may be damaged. */
  torn = false;

  private windowStart = 0;
  private windowEnd = 0;
  private readonly size: number;
  /** A name may end with the directory, its padding cut off. */
  private readonly paddedSize: number;

  /** `windowBytes`: read at a time, many for a walk, few for single entries. */
  constructor(
    private readonly source: ByteSource,
    private readonly extents: Extents,
    size: number,
    windowBytes: number,
  ) {
    if (size > MAX_DIRECTORY_BYTES || size > source.size) {
      throw new ImageError("limit", "udf", `a directory of ${size} bytes`);
    }
    this.size = size;
    this.paddedSize = (size + 3) & ~3;
    this.bytes = new Uint8Array(Math.min(size, windowBytes));
  }

  /** Goes to the first descriptor at or behind `position`; false where none is left. */
  seek(position: number): boolean {
    const searchFrom = position;
    let garbage = false;
    for (let at = position; at + FID_HEADER_LENGTH <= this.size; at += 4) {
      if (at - searchFrom > MAX_DAMAGE_BYTES) {
        throw corrupt("udf", "directory", searchFrom, `no entry in ${MAX_DAMAGE_BYTES} bytes`);
      }
      const length = this.lengthAt(at);
      // Within damage only what proves itself counts as a descriptor.
      if (length > 0 && (at === searchFrom || this.isWhole(length))) {
        this.damaged += at - searchFrom;
        this.position = at;
        this.next = at + length;
        this.torn = (at ^ (at + length - 1)) >= MIN_BLOCK && !this.isWhole(length);
        return true;
      }
      garbage ||= u32(this.bytes, this.at) !== 0;
    }
    this.torn = false;
    this.unused = Math.max(0, this.size - searchFrom);
    // Up to a block of zeros at the end is how some writers round a directory up.
    if (garbage) this.damaged += this.unused;
    return false;
  }

  /** Sets `at`; 0 where no descriptor lies. */
  private lengthAt(position: number): number {
    this.window(position, FID_HEADER_LENGTH);
    const length = fidLength(this.bytes, this.at);
    const end = position + length;
    if (length === 0 || end > this.paddedSize) return 0;
    if (end > this.windowEnd) this.window(position, Math.min(length, this.size - position));
    return length;
  }

  private isWhole(length: number): boolean {
    return (
      bodyProblem(this.bytes, this.at, Math.min(this.at + length, this.bytes.length)) === undefined
    );
  }

  /** Brings `length` bytes from `position` into the window. */
  private window(position: number, length: number): void {
    if (position < this.windowStart || position + length > this.windowEnd) {
      // At most 64 KiB and a few bytes: a name and its implementation use.
      if (length > this.bytes.length) this.bytes = new Uint8Array(length);
      const { source, size, extents, bytes } = this;
      const wanted = Math.min(bytes.length, size - position);
      // A throw leaves no half a window behind.
      this.windowEnd = 0;
      extents.read(source, size, position, bytes, 0, wanted);
      this.windowStart = position;
      this.windowEnd = position + wanted;
    }
    this.at = position - this.windowStart;
  }
}
