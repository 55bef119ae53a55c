/**
 * Memory that the threads of one process share for decoded chunks, and the table of what lies in it.
 *
 * Policy: what was least recently used makes room first, never what a thread has pinned or is
 * filling. All chunks lie within `limit` bytes, in units of 32 KiB. The memory is zero pages of the
 * kernel's until it is first used. Linear search: there are at most 1024 rows for 32 MiB.
 */
import { FutexLock } from "./futex-lock.js";

const UNIT = 32 * 1024;

const Word = { lock: 0, changes: 1, rows: 2, limitUnits: 3, threads: 4, ahead: 5 } as const;
/** The words, and at CLOCK_START the count of uses. */
const HEAD_SIZE = 64;
const CLOCK_START = 32;

/** The table's columns. Its rows follow each other as their units do, and leave none out. */
const Column = { source: 0, chunk: 1, start: 2, units: 3, state: 4, pins: 5, used: 6 } as const;
const ROW = 8;

const FREE = 0;
const FILLING = 1;
const READY = 2;

export type Place =
  /** Decoded and pinned. */
  | { state: "ready"; bytes: Uint8Array }
  /** Pinned, and the caller's to fill: it must call `filled` or `abandoned`. */
  | { state: "claimed"; bytes: Uint8Array }
  /** Another thread fills it: `changes` goes to `waitForChange`. */
  | { state: "filling"; changes: number }
  /** There is no room that could be made. */
  | { state: "full" };

export class ChunkArena {
  private readonly words: Int32Array;
  private readonly table: Float64Array;
  private readonly clock: Float64Array;
  private readonly lock: FutexLock;
  private readonly bytesStart: number;
  /** Bytes of decoded chunks. */
  readonly limit: number;

  /** `limit`: bytes of decoded chunks; rounded up to whole units. */
  static memory(limit: number): SharedArrayBuffer {
    const units = Math.ceil(limit / UNIT);
    const memory = new SharedArrayBuffer(HEAD_SIZE + units * (ROW * 8 + UNIT));
    new Int32Array(memory)[Word.limitUnits] = units;
    return memory;
  }

  constructor(private readonly memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory, 0, CLOCK_START / 4);
    this.clock = new Float64Array(memory, CLOCK_START, 1);
    const units = this.words[Word.limitUnits];
    this.limit = units * UNIT;
    // Each row has a unit at least.
    this.table = new Float64Array(memory, HEAD_SIZE, units * ROW);
    this.bytesStart = HEAD_SIZE + this.table.byteLength;
    this.lock = new FutexLock(this.words, Word.lock);
  }

  /**
   * Finds a chunk or room for it, and pins it. `length` is the same at every call for one chunk.
   * `unpin` is a chunk of the same source that the caller pinned before and now gives up; -1: none.
   */
  take(source: number, chunk: number, length: number, unpin: number): Place {
    this.lock.acquire();
    try {
      if (unpin >= 0) this.table[this.find(source, unpin) + Column.pins]--;
      return this.findOrClaim(source, chunk, length);
    } finally {
      this.lock.release();
    }
  }

  /** As `take`, but only of a chunk that is not there: undefined for one that is, or is being filled. */
  takeAbsent(source: number, chunk: number, length: number): Uint8Array | undefined {
    this.lock.acquire();
    try {
      if (this.find(source, chunk) >= 0) return undefined;
      const place = this.findOrClaim(source, chunk, length);
      return place.state === "claimed" ? place.bytes : undefined;
    } finally {
      this.lock.release();
    }
  }

  /** Whether a chunk is here, and was among the last `takes` that were taken. */
  isRecent(source: number, chunk: number, takes: number): boolean {
    this.lock.acquire();
    try {
      const row = this.find(source, chunk);
      return row >= 0 && this.clock[0] - this.table[row + Column.used] < takes;
    } finally {
      this.lock.release();
    }
  }

  /** One more thread uses the memory. */
  join(): void {
    Atomics.add(this.words, Word.threads, 1);
  }

  /** True for all threads but one at a time, so that one is left to answer; to be followed by `leaveAhead`. */
  enterAhead(): boolean {
    const { words } = this;
    if (Atomics.add(words, Word.ahead, 1) + 1 < Atomics.load(words, Word.threads)) return true;
    this.leaveAhead();
    return false;
  }

  leaveAhead(): void {
    Atomics.sub(this.words, Word.ahead, 1);
  }

  /** What was claimed is whole, and stays pinned if the caller goes on to use it. */
  filled(source: number, chunk: number, isUsed = true): void {
    this.change(source, chunk, READY, isUsed ? 1 : 0);
  }

  /** It could not be decoded: whoever waits for it may try. */
  abandoned(source: number, chunk: number): void {
    this.change(source, chunk, FREE, 0);
  }

  /** Until some chunk was filled or abandoned after `changes` was seen, or the time is over. */
  waitForChange(changes: number, milliseconds: number): void {
    Atomics.wait(this.words, Word.changes, changes, milliseconds);
  }

  private findOrClaim(source: number, chunk: number, length: number): Place {
    const { table, words } = this;
    let row = this.find(source, chunk);
    if (row >= 0) {
      if (table[row + Column.state] === FILLING) {
        return { state: "filling", changes: Atomics.load(words, Word.changes) };
      }
      table[row + Column.pins]++;
      table[row + Column.used] = this.tick();
      return { state: "ready", bytes: this.bytes(row, length) };
    }
    row = this.makeRoom(Math.max(1, Math.ceil(length / UNIT)));
    if (row < 0) return { state: "full" };
    table[row + Column.source] = source;
    table[row + Column.chunk] = chunk;
    table[row + Column.state] = FILLING;
    table[row + Column.pins] = 1;
    table[row + Column.used] = this.tick();
    return { state: "claimed", bytes: this.bytes(row, length) };
  }

  private change(
    source: number,
    chunk: number,
    state: typeof READY | typeof FREE,
    pins: number,
  ): void {
    this.lock.acquire();
    try {
      const row = this.find(source, chunk);
      this.table[row + Column.state] = state;
      this.table[row + Column.pins] = pins;
      Atomics.add(this.words, Word.changes, 1);
    } finally {
      this.lock.release();
    }
    Atomics.notify(this.words, Word.changes);
  }

  private bytes(row: number, length: number): Uint8Array {
    return new Uint8Array(
      this.memory,
      this.bytesStart + this.table[row + Column.start] * UNIT,
      length,
    );
  }

  /** Where the row begins in the table; -1 if there is none. */
  private find(source: number, chunk: number): number {
    const { table } = this;
    const end = this.words[Word.rows] * ROW;
    for (let row = 0; row < end; row += ROW) {
      if (
        table[row + Column.chunk] === chunk &&
        table[row + Column.source] === source &&
        table[row + Column.state] !== FREE
      ) {
        return row;
      }
    }
    return -1;
  }

  /** The row of `units` units, free: of neighbours that may go, those whose latest use is longest ago. */
  private makeRoom(units: number): number {
    const { table, words } = this;
    if (words[Word.rows] === 0) this.begin();
    const end = words[Word.rows] * ROW;
    let best = -1;
    let bestEnd = -1;
    let bestUsed = Number.POSITIVE_INFINITY;
    for (let first = 0; first < end; first += ROW) {
      let sum = 0;
      let used = 0;
      let next = first;
      while (sum < units && next < end && this.mayGo(next)) {
        sum += table[next + Column.units];
        if (table[next + Column.state] !== FREE) used = Math.max(used, table[next + Column.used]);
        next += ROW;
      }
      if (sum < units) {
        // No run from here to the row in the way is long enough.
        first = next;
        continue;
      }
      if (used < bestUsed) {
        best = first;
        bestEnd = next;
        bestUsed = used;
        if (used === 0) break;
      }
    }
    if (best >= 0) this.merge(best, bestEnd, units);
    return best;
  }

  private begin(): void {
    this.table[Column.units] = this.words[Word.limitUnits];
    this.words[Word.rows] = 1;
  }

  private mayGo(row: number): boolean {
    const state = this.table[row + Column.state];
    return state === FREE || (state === READY && this.table[row + Column.pins] === 0);
  }

  /** Makes the rows from `row` to before `end` one of `units` units, and one of the rest. */
  private merge(row: number, end: number, units: number): void {
    const { table, words } = this;
    const start = table[row + Column.start];
    let rest = -units;
    for (let each = row; each < end; each += ROW) rest += table[each + Column.units];
    const newEnd = row + (rest > 0 ? 2 : 1) * ROW;
    table.copyWithin(newEnd, end, words[Word.rows] * ROW);
    words[Word.rows] += (newEnd - end) / ROW;
    table[row + Column.units] = units;
    table[row + Column.state] = FREE;
    if (rest === 0) return;
    table[row + ROW + Column.start] = start + units;
    table[row + ROW + Column.units] = rest;
    table[row + ROW + Column.state] = FREE;
  }

  private tick(): number {
    return ++this.clock[0];
  }
}
