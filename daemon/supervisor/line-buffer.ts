/** Bytes in, lines out. A long line that comes a byte at a time costs no more than one at once. */

const NEWLINE = 0x0a;
const NOTHING = Buffer.alloc(0);

export class LineBuffer {
  private bytes: Buffer = NOTHING;
  private used = 0;
  /** Up to here there is no end of a line. */
  private scanned = 0;

  /** Memory that it takes, in bytes. */
  get capacity(): number {
    return this.bytes.length;
  }

  /** Bytes of the line that has not ended. */
  get length(): number {
    return this.used;
  }

  append(part: Uint8Array): void {
    const wanted = this.used + part.length;
    if (wanted > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(wanted, 2 * this.bytes.length));
      this.bytes.copy(larger, 0, 0, this.used);
      this.bytes = larger;
    }
    this.bytes.set(part, this.used);
    this.used = wanted;
  }

  /** The lines that have ended, without their ends. */
  take(): string[] {
    const lines: string[] = [];
    let start = 0;
    const there = this.bytes.subarray(0, this.used);
    for (let end = there.indexOf(NEWLINE, this.scanned); end >= 0; ) {
      lines.push(there.toString("utf8", start, end));
      start = end + 1;
      end = there.indexOf(NEWLINE, start);
    }
    // A copy of the rest, so that what was there is not kept for its sake.
    if (start > 0) this.bytes = Buffer.from(there.subarray(start));
    this.used -= start;
    this.scanned = this.used;
    return lines;
  }

  clear(): void {
    this.bytes = NOTHING;
    this.used = this.scanned = 0;
  }
}
