/**
 * The System Use Sharing Protocol (SUSP 1.12, IEEE P1281): entries in a record's system use field
 * and in the continuation areas that CE entries chain to it.
 */
import { both32 } from "./both-endian.js";
import type { IsoImage } from "./iso-image.js";

/** Continuation areas for one record. libisofs takes one for each 2 KiB of attributes. */
const MAX_CONTINUATIONS = 1024;
/** Bytes in all of them: xattrs and ACLs of one file, generously. */
const MAX_CONTINUED_BYTES = 1 << 20;

/** Two letters as one number: `signature("NM")`. */
export function signature(letters: string): number {
  return (letters.charCodeAt(0) << 8) | letters.charCodeAt(1);
}

const SIG_CE = signature("CE");
const SIG_ST = signature("ST");

export class SystemUseWalker {
  /** The current entry: its bytes begin at `at` in `bytes`, valid until the next call. */
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  length = 0;
  signature = 0;
  /** A CE entry pointed outside the image, or at too much. */
  broken = false;
  private next = 0;
  private end = 0;
  private areaBlock = 0;
  private areaOffset = 0;
  private areaLength = 0;
  private continuations = 0;
  private continuedBytes = 0;
  private scratch = new Uint8Array(2048);

  constructor(private readonly image: IsoImage) {}

  open(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.next = start;
    this.end = end;
    this.areaLength = 0;
    this.continuations = 0;
    this.continuedBytes = 0;
    this.broken = false;
  }

  /** To the next entry; CE and ST are followed, not shown. False at the end. */
  step(): boolean {
    for (;;) {
      const { bytes, next } = this;
      // Up to three bytes at the end may be unused (SUSP 4).
      const length = next + 4 <= this.end ? bytes[next + 2] : 0;
      if (length < 4 || next + length > this.end) {
        if (!this.continue()) return false;
        continue;
      }
      this.at = next;
      this.length = length;
      this.next = next + length;
      this.signature = (bytes[next] << 8) | bytes[next + 1];
      if (this.signature === SIG_CE) {
        if (length >= 28) {
          this.areaBlock = both32(bytes, next + 4, this.image.blocks);
          this.areaOffset = both32(bytes, next + 12, 0xffff);
          this.areaLength = both32(bytes, next + 20, MAX_CONTINUED_BYTES);
        }
      } else if (this.signature === SIG_ST) {
        this.next = this.end;
      } else return true;
    }
  }

  /** Goes on in the continuation area, if one was named. */
  private continue(): boolean {
    const { image, areaLength: length } = this;
    if (length === 0) return false;
    this.areaLength = 0;
    this.continuations++;
    this.continuedBytes += length;
    const position = this.areaBlock * image.blockSize + this.areaOffset;
    if (
      this.continuations > MAX_CONTINUATIONS ||
      this.continuedBytes > MAX_CONTINUED_BYTES ||
      position + length > image.source.size
    ) {
      this.broken = true;
      return false;
    }
    if (length <= image.blockRest(position)) {
      this.bytes = image.blockAt(position);
      this.next = image.insideBlock(position);
    } else {
      if (this.scratch.length < length) this.scratch = new Uint8Array(length);
      image.cache.read(position, this.scratch, 0, length);
      this.bytes = this.scratch;
      this.next = 0;
    }
    this.end = this.next + length;
    return true;
  }
}
