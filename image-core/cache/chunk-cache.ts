/**
 * Decoded chunks of a compressed or encrypted image.
 *
 * Policy: least recently used out first; the chunks kept stay within `limit` bytes together, except
 * that one chunk is always kept however large. Memory of an evicted chunk is used again by the next
 * one of its length. No thread safety: one cache a thread.
 */
import { cacheCounts } from "./cache-counts.js";

/** Where decoded chunks come from. */
export interface ChunkStore {
  /** The whole decoded chunk, without a copy; valid until the next call. Throws what decoding throws. */
  chunk(index: number): Uint8Array;
}

/**
 * Makes the store of one source. `lengthOf`: decoded length of a chunk, which the caller bounds; 0
 * where there is none, or none that needs decoding: a store may look behind the chunk it was asked for.
 * `decode` fills the whole of `target` or throws; a chunk that throws is not kept.
 */
export type MakeChunkStore = (
  lengthOf: (index: number) => number,
  decode: (index: number, target: Uint8Array) => void,
) => ChunkStore;

const DEFAULT_LIMIT = 32 * 1024 * 1024;

export class ChunkCache implements ChunkStore {
  private readonly chunks = new Map<number, Uint8Array>();
  private bytes = 0;
  private lastIndex = -1;
  private last: Uint8Array = new Uint8Array(0);

  constructor(
    private readonly lengthOf: (index: number) => number,
    private readonly decode: (index: number, target: Uint8Array) => void,
    private readonly limit = DEFAULT_LIMIT,
  ) {}

  chunk(index: number): Uint8Array {
    if (index === this.lastIndex) return this.last;
    let bytes = this.chunks.get(index);
    if (bytes !== undefined) {
      cacheCounts.hits++;
      this.chunks.delete(index);
    } else {
      cacheCounts.misses++;
      const length = this.lengthOf(index);
      bytes = this.makeRoom(length) ?? new Uint8Array(length);
      this.decode(index, bytes);
      this.bytes += length;
    }
    this.chunks.set(index, bytes);
    this.lastIndex = index;
    this.last = bytes;
    return bytes;
  }

  /** Evicts until `length` more bytes fit; returns the last evicted memory if it has that length. */
  private makeRoom(length: number): Uint8Array | undefined {
    let free: Uint8Array | undefined;
    for (const [index, bytes] of this.chunks) {
      if (this.bytes + length <= this.limit) break;
      this.chunks.delete(index);
      this.bytes -= bytes.length;
      if (index === this.lastIndex) this.lastIndex = -1;
      free = bytes;
    }
    return free?.length === length ? free : undefined;
  }
}
