/**
 * Bytes in, lines out. What has not ended yet lies in blocks that all connections take from one
 * pool: a flood of lines without end leaves no memory behind that would have to be collected.
 */

const NEWLINE = 0x0a;
const BLOCK_BYTES = 16 * 1024;
/** More are made where they are needed, and not kept. */
const MAX_FREE_BLOCKS = 256;

export class BlockPool {
  private readonly free: Buffer[] = [];

  take(): Buffer {
    return this.free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
  }

  give(blocks: readonly Buffer[]): void {
    this.free.push(...blocks.slice(0, MAX_FREE_BLOCKS - this.free.length));
  }
}

export class LineBuffer {
  private blocks: Buffer[] = [];
  private used = 0;

  constructor(private readonly pool: BlockPool) {}

  /** Bytes of the line that has not ended. */
  get length(): number {
    return this.used;
  }

  /** Memory that they take, in bytes. */
  get capacity(): number {
    return this.blocks.length * BLOCK_BYTES;
  }

  /** The lines that end in `part`, without their ends. */
  append(part: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = part.indexOf(NEWLINE); end >= 0; end = part.indexOf(NEWLINE, start)) {
      lines.push(this.finish(part.subarray(start, end)));
      start = end + 1;
    }
    this.keep(part.subarray(start));
    return lines;
  }

  clear(): void {
    this.pool.give(this.blocks);
    this.blocks = [];
    this.used = 0;
  }

  private finish(end: Buffer): string {
    // As a rule, a line comes whole.
    if (this.used === 0) return end.toString();
    this.keep(end);
    const line = Buffer.concat(this.blocks, this.used).toString();
    this.clear();
    return line;
  }

  private keep(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const within = this.used % BLOCK_BYTES;
      if (within === 0) this.blocks.push(this.pool.take());
      const copied = bytes.copy(this.blocks[this.blocks.length - 1], within, at);
      at += copied;
      this.used += copied;
    }
  }
}

/** In bytes: of each line that ends in `part`, with its end, and of the rest. */
export function lineSizes(part: Uint8Array): number[] {
  const sizes: number[] = [];
  for (let from = 0; from < part.length; ) {
    const end = part.indexOf(NEWLINE, from);
    const next = end < 0 ? part.length : end + 1;
    sizes.push(next - from);
    from = next;
  }
  return sizes;
}
