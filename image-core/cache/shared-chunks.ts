/**
 * Decoded chunks that the threads of a server share: one that a thread has decoded, or is about to,
 * is not decoded by another. Who would have to wait for one decodes those behind it meanwhile, if
 * the image is being read in order.
 *
 * Each thread has a SharedChunks over the same memory and makes the same stores in the same order,
 * since it opens the same image: a store's number is what its chunks are known by.
 */
import { ImageError } from "../errors.js";
import { cacheCounts } from "./cache-counts.js";
import { ChunkArena } from "./chunk-arena.js";
import { ChunkCache, type ChunkStore, type MakeChunkStore } from "./chunk-cache.js";

/**
 * How long a thread waits for another's chunk before it decodes it itself: longer than any codec
 * needs for a chunk of 64 MiB, shorter than what makes a server count as hanging.
 */
const PATIENCE_MILLISECONDS = 10_000;

/** The share of the memory that may hold chunks nobody has asked for yet, so that they live to be asked for. */
const AHEAD_SHARE = 1 / 8;
/** Small chunks: what is looked at for one that is to be decoded. */
const MAX_CHUNKS_AHEAD = 64;
/** A chunk is read in order if the one before it was among the last few that any thread took. */
const RECENT_TAKES = 16;

export class SharedChunks {
  private readonly arena: ChunkArena;
  private readonly stores: SharedChunkStore[] = [];
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
    if (this.sealed) return new ChunkCache(lengthOf, timed);
    const { arena, stores, patience } = this;
    const store = new SharedChunkStore(arena, stores.length, patience, lengthOf, timed);
    stores.push(store);
    return store;
  };

  /** The image is open: stores made later, in an order that other threads do not share, are private. */
  seal(): void {
    this.sealed = true;
    this.arena.join();
  }

  /**
   * For a thread that is asked for nothing: decodes one chunk that will be asked for soon, if the
   * image is being read in order and another thread is there to answer. False if there is none.
   */
  workAhead(): boolean {
    if (this.stores.length === 0 || !this.arena.enterAhead()) return false;
    try {
      return this.stores.some((store) => store.decodeAhead());
    } finally {
      this.arena.leaveAhead();
    }
  }
}

class SharedChunkStore implements ChunkStore {
  private lastIndex = -1;
  private last: Uint8Array = new Uint8Array(0);
  /** The chunk that this thread has pinned: the last one, unless that is private. */
  private pinned = -1;
  /** The chunk that failed last when it was decoded ahead: it waits until somebody asks for it. */
  private failed = -1;

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
          cacheCounts.hits++;
          this.pinned = index;
          return place.bytes;
        case "claimed":
          cacheCounts.misses++;
          this.fill(index, place.bytes, true);
          this.pinned = index;
          return place.bytes;
        case "full":
          cacheCounts.misses++;
          return undefined;
      }
      if (this.decodeAhead(index)) continue;
      const now = performance.now();
      if (giveUp === 0) giveUp = now + this.patience;
      if (now >= giveUp) return undefined;
      arena.waitForChange(place.changes, giveUp - now);
    }
  }

  private fill(index: number, target: Uint8Array, isUsed: boolean): void {
    try {
      this.decode(index, target);
    } catch (error) {
      this.arena.abandoned(this.source, index);
      throw error;
    }
    this.arena.filled(this.source, index, isUsed);
  }

  /**
   * Decodes one chunk that a reader of `index` will ask for soon. False if there is none.
   *
   * No deadlock: what this thread waits for, another fills, and that waits for stores beneath this
   * one alone, as does decoding here.
   */
  decodeAhead(index = this.lastIndex): boolean {
    const { arena, source } = this;
    if (index < 1 || !arena.isRecent(source, index - 1, RECENT_TAKES)) return false;
    let room = arena.limit * AHEAD_SHARE;
    for (let ahead = index + 1; ahead <= index + MAX_CHUNKS_AHEAD; ahead++) {
      if (ahead === this.failed) return false;
      try {
        const length = this.lengthOf(ahead);
        if (length === 0) continue;
        room -= length;
        if (room < 0) return false;
        const bytes = arena.takeAbsent(source, ahead, length);
        if (bytes === undefined) continue;
        this.fill(ahead, bytes, false);
        return true;
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
        // Whoever asks for that chunk is told; the one that is asked for now may be sound.
        this.failed = ahead;
        return false;
      }
    }
    return false;
  }

  private decodePrivately(index: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.decode(index, bytes);
    return bytes;
  }
}
