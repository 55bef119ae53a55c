/**
 * An image stored as chunks: zeros, verbatim or compressed, decoded on demand.
 *
 * Memory: the cache's limit (32 MiB a source, or what the threads of a server share), and for chunks beyond 32 MiB, which no writer makes, at most
 * 64 MiB each for what is stored and what is decoded.
 */
import { ChunkCache, type ChunkStore, type MakeChunkStore } from "../cache/chunk-cache.js";
import { at, ImageError } from "../errors.js";
import type { ByteSource, HostRange } from "./byte-source.js";
import { ChunkKind, type ChunkTable, FIRST_CODEC } from "./chunk-table.js";

/**
 * Decodes one chunk of a codec of the format's own into `output`, whose length is the chunk's.
 * Returns the bytes produced. Throws `ImageError`.
 */
export type DecodeChunk = (kind: number, input: Uint8Array, output: Uint8Array) => number;

/** No real writer comes near: UDIF uses 256 KiB to 1 MiB. */
const MAX_CHUNK = 64 * 1024 * 1024;

export class ChunkedSource implements ByteSource {
  readonly size: number;
  private readonly cache: ChunkStore;
  /** The chunk of the last read: most reads go on where it ended. */
  private lastChunk = 0;
  /** Stored bytes of the chunk being decoded: grows to the largest chunk, at most MAX_CHUNK. */
  private packed = new Uint8Array(0);

  constructor(
    /** For messages. */
    private readonly format: string,
    private readonly table: ChunkTable,
    /** What `table.positions` count in. */
    private readonly stored: ByteSource,
    private readonly decoder: DecodeChunk,
    makeStore: MakeChunkStore = (lengthOf, decode) => new ChunkCache(lengthOf, decode),
  ) {
    this.size = table.starts[table.count];
    this.cache = makeStore(
      (chunk) => this.decodedLength(chunk),
      (chunk, target) => this.decode(chunk, target),
    );
  }

  read(position: number, target: Uint8Array, offset: number, length: number): number {
    if (position >= this.size) return 0;
    const { starts, kinds, positions } = this.table;
    const end = Math.min(this.size, position + length);
    let from = position;
    while (from < end) {
      const chunk = this.find(from);
      const inside = from - starts[chunk];
      const count = Math.min(starts[chunk + 1], end) - from;
      switch (kinds[chunk]) {
        case ChunkKind.zero:
        case ChunkKind.absent:
          target.fill(0, offset, offset + count);
          break;
        case ChunkKind.raw:
          this.readRaw(chunk, positions[chunk] + inside, target, offset, count);
          break;
        default: {
          const bytes = this.cache.chunk(chunk);
          target.set(
            count === bytes.length ? bytes : bytes.subarray(inside, inside + count),
            offset,
          );
        }
      }
      from += count;
      offset += count;
    }
    return end - position;
  }

  locate(position: number, length: number, range: HostRange): boolean {
    if (position >= this.size || this.stored.locate === undefined) return false;
    const chunk = this.find(position);
    if (this.table.kinds[chunk] !== ChunkKind.raw) return false;
    const start = this.table.starts[chunk];
    return this.stored.locate(
      this.table.positions[chunk] + position - start,
      Math.min(length, this.table.starts[chunk + 1] - position),
      range,
    );
  }

  /** Binary search, after a look at the last chunk and the one behind it. */
  private find(position: number): number {
    const { starts } = this.table;
    let low = this.lastChunk;
    if (position >= starts[low]) {
      if (position < starts[low + 1]) return low;
      low++;
      if (position < starts[low + 1]) {
        this.lastChunk = low;
        return low;
      }
    } else low = 0;
    let high = this.table.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (starts[middle] <= position) low = middle;
      else high = middle - 1;
    }
    this.lastChunk = low;
    return low;
  }

  private readRaw(
    chunk: number,
    position: number,
    target: Uint8Array,
    offset: number,
    count: number,
  ): void {
    const got = this.stored.read(position, target, offset, count);
    if (got < count) {
      throw this.broken("truncated", chunk, `got ${got} of ${count} bytes ${at(position)}`);
    }
  }

  /** 0 for what needs no decoding. */
  private decodedLength(chunk: number): number {
    if (chunk >= this.table.count || this.table.kinds[chunk] < FIRST_CODEC) return 0;
    const length = this.table.starts[chunk + 1] - this.table.starts[chunk];
    const stored = this.table.lengths[chunk];
    if (length > MAX_CHUNK || stored > MAX_CHUNK) {
      throw this.broken(
        "limit",
        chunk,
        `${stored} bytes that decode to ${length}; at most ${MAX_CHUNK} are granted`,
      );
    }
    return length;
  }

  private decode(chunk: number, target: Uint8Array): void {
    const stored = this.table.lengths[chunk];
    const position = this.table.positions[chunk];
    // Before memory is taken: the image cannot hold what lies behind its end.
    if (position + stored > this.stored.size) {
      throw this.broken(
        "truncated",
        chunk,
        `its ${stored} bytes end behind the stored data, ${at(this.stored.size)}`,
      );
    }
    if (this.packed.length < stored) this.packed = new Uint8Array(stored);
    const input = this.packed.subarray(0, stored);
    this.readRaw(chunk, position, input, 0, stored);
    let produced: number;
    try {
      produced = this.decoder(this.table.kinds[chunk], input, target);
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      throw this.broken(error.kind, chunk, error.message, error);
    }
    if (produced !== target.length) {
      throw this.broken("corrupt", chunk, `decoded ${produced} of ${target.length} bytes`);
    }
  }

  private broken(
    kind: ImageError["kind"],
    chunk: number,
    problem: string,
    cause?: ImageError,
  ): ImageError {
    const where = at(this.table.positions[chunk]);
    return new ImageError(kind, this.format, `chunk ${chunk} ${where}: ${problem}`, { cause });
  }
}
