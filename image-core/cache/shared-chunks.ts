/**
 * Decoded chunks that the threads of a server share: one that a thread has decoded, or is about to,
 * is not decoded by another.
 *
 * Each thread has a SharedChunks over the same memory and makes the same stores in the same order,
 * since it opens the same image: a store's number is what its chunks are known by.
 */
import { ChunkArena } from "./chunk-arena.js";
import { ChunkCache, type ChunkStore, type MakeChunkStore } from "./chunk-cache.js";

/**
 * How long a thread waits for another's chunk before it decodes it itself: longer than any codec
 * needs for a chunk of 64 MiB, shorter than what makes a server count as hanging.
 */
const PATIENCE_MILLISECONDS = 10_000;

export class SharedChunks {
  private readonly arena: ChunkArena;
  private stores = 0;
  private sealed = false;

  /** `memory`: of ChunkArena.memory. `decoded` is told of the time that each chunk took. */
  constructor(
    memory: SharedArrayBuffer,
    private readonly decoded: (milliseconds: number) => void = () => {},
    private readonly patience = PATIENCE_MILLISECONDS,
  ) {
    this.arena = new ChunkArena(memory);
  }

  readonly makeStore: MakeChunkStore = (lengthOf, decode) => {
    const timed = (index: number, target: Uint8Array) => {
      const began = performance.now();
      decode(index, target);
      this.decoded(performance.now() - began);
    };
    return this.sealed
      ? new ChunkCache(lengthOf, timed)
      : new SharedChunkStore(this.arena, this.stores++, this.patience, lengthOf, timed);
  };

  /** The image is open: stores made later, in an order that other threads do not share, are private. */
  seal(): void {
    this.sealed = true;
  }
}

class SharedChunkStore implements ChunkStore {
  private lastIndex = -1;
  private last: Uint8Array = new Uint8Array(0);
  /** The chunk that this thread has pinned: the last one, unless that is private. */
  private pinned = -1;

  constructor(
    private readonly arena: ChunkArena,
    private readonly source: number,
    private readonly patience: number,
    private readonly lengthOf: (index: number) => number,
    private readonly decode: (index: number, target: Uint8Array) => void,
  ) {}

  chunk(index: number): Uint8Array {
    if (index === this.lastIndex) return this.last;
    const length = this.lengthOf(index);
    this.lastIndex = -1;
    this.last = this.shared(index, length) ?? this.decodePrivately(index, length);
    this.lastIndex = index;
    return this.last;
  }

  /** Undefined where there is no room, or another thread does not come to an end with it. */
  private shared(index: number, length: number): Uint8Array | undefined {
    const { arena, source } = this;
    let giveUp = 0;
    for (;;) {
      const place = arena.take(source, index, length, this.pinned);
      this.pinned = -1;
      switch (place.state) {
        case "ready":
          this.pinned = index;
          return place.bytes;
        case "claimed":
          this.fill(index, place.bytes);
          this.pinned = index;
          return place.bytes;
        case "full":
          return undefined;
      }
      const now = performance.now();
      if (giveUp === 0) giveUp = now + this.patience;
      if (now >= giveUp) return undefined;
      arena.waitForChange(place.changes, giveUp - now);
    }
  }

  private fill(index: number, target: Uint8Array): void {
    try {
      this.decode(index, target);
    } catch (error) {
      this.arena.abandoned(this.source, index);
      throw error;
    }
    this.arena.filled(this.source, index);
  }

  private decodePrivately(index: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.decode(index, bytes);
    return bytes;
  }
}
