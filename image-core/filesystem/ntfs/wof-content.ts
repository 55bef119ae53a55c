/**
 * Files that Windows Overlay Filter compressed (CompactOS, `compact /exe`): the unnamed stream is
 * only a size, the contents are chunks in the stream WofCompressedData behind a table of offsets.
 *
 * Layout as of FILE_PROVIDER_EXTERNAL_INFO and of resources in WIM archives.
 */
import { decodeLzx } from "../../codec/lzx.js";
import { decodeXpress } from "../../codec/xpress.js";
import { corrupt, ImageError, unsupported } from "../../errors.js";
import { FORMAT } from "./boot-sector.js";
import { le32, le64 } from "./little-endian.js";
import type { Stream, UnitCache } from "./stream.js";

const algorithms: Record<
  number,
  { chunkSize: number; decode: (input: Uint8Array, output: Uint8Array) => number }
> = {
  0: { chunkSize: 4096, decode: decodeXpress },
  1: { chunkSize: 32768, decode: decodeLzx },
  2: { chunkSize: 8192, decode: decodeXpress },
  3: { chunkSize: 16384, decode: decodeXpress },
};

/** From this size on the table's entries have 8 bytes. */
const LARGE_FILE = 2 ** 32;

export class WofContent {
  private readonly chunkSize: number;
  private readonly decode: (input: Uint8Array, output: Uint8Array) => number;
  private readonly chunks: number;
  private readonly entrySize: number;
  private readonly entries = new Uint8Array(16);

  constructor(
    readonly size: number,
    algorithm: number,
    private readonly stream: Stream,
    private readonly units: UnitCache,
    private readonly structure: string,
  ) {
    const known = algorithms[algorithm];
    if (known === undefined) {
      throw unsupported(FORMAT, `${structure}: compression algorithm ${algorithm}`);
    }
    this.chunkSize = known.chunkSize;
    this.decode = known.decode;
    this.chunks = Math.ceil(size / this.chunkSize);
    this.entrySize = size >= LARGE_FILE ? 8 : 4;
  }

  /** As `ByteSource.read`. */
  read(position: number, target: Uint8Array, offset: number, length: number): number {
    if (position >= this.size) return 0;
    const end = Math.min(this.size, position + length);
    for (let from = position; from < end; ) {
      const chunk = Math.floor(from / this.chunkSize);
      const start = chunk * this.chunkSize;
      const bytes = this.units.get(this, chunk) ?? this.decodeChunk(chunk);
      const count = Math.min(end, start + bytes.length) - from;
      target.set(bytes.subarray(from - start, from - start + count), offset);
      from += count;
      offset += count;
    }
    return end - position;
  }

  private decodeChunk(chunk: number): Uint8Array {
    const table = (this.chunks - 1) * this.entrySize;
    const start = table + (chunk === 0 ? 0 : this.offset(chunk - 1));
    const end = chunk === this.chunks - 1 ? this.stream.size : table + this.offset(chunk);
    const decoded = Math.min(this.chunkSize, this.size - chunk * this.chunkSize);
    const stored = end - start;
    if (!(stored > 0) || stored > decoded || end > this.stream.size) {
      throw corrupt(
        FORMAT,
        `${this.structure}, chunk ${chunk}`,
        start,
        `${stored} stored for ${decoded} bytes, of ${this.stream.size} in all`,
      );
    }
    const packed = new Uint8Array(stored);
    this.stream.read(start, packed, 0, stored);
    // What would not shrink is stored.
    if (stored === decoded) return this.units.add(this, chunk, packed);
    const bytes = new Uint8Array(decoded);
    try {
      this.decode(packed, bytes);
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      throw new ImageError(
        "corrupt",
        FORMAT,
        `${this.structure}, chunk ${chunk} at 0x${start.toString(16)}: ${error.message}`,
        { cause: error },
      );
    }
    return this.units.add(this, chunk, bytes);
  }

  /** Where the chunk after `index` begins, behind the table. */
  private offset(index: number): number {
    this.stream.read(index * this.entrySize, this.entries, 0, this.entrySize);
    return this.entrySize === 8 ? le64(this.entries, 0) : le32(this.entries, 0);
  }
}
