/**
 * What a serving thread counts, in memory that the server's main thread reads while the serving
 * thread blocks: no message passes on the hot path.
 */
import { monotonicMilliseconds } from "./system/monotonic.js";

const FIELDS = [
  "requests",
  "reads",
  "readBytes",
  "splicedBytes",
  /** Read and handed to the kernel before anybody asked. */
  "filesAhead",
  "errors",
  /** Spent answering. */
  "milliseconds",
  "cacheHits",
  "cacheMisses",
  /** Of the request in hand: its opcode, 0 between requests. */
  "opcode",
  "node",
  /** `monotonicMilliseconds()` when it began. */
  "since",
] as const;

/** By name. */
export const COUNTED: readonly string[] = FIELDS;

export type Counters = Record<(typeof FIELDS)[number], number>;

export const Counter = Object.fromEntries(FIELDS.map((name, index) => [name, index])) as Counters;

export const COUNTERS_SIZE = FIELDS.length * 8;

/** The thread begins with something that the supervisor must notice if it hangs there. */
export function markBusy(
  counters: Float64Array,
  opcode: number,
  node: number,
  /** By monotonicMilliseconds(). */
  since: number,
): void {
  counters[Counter.node] = node;
  counters[Counter.since] = since;
  counters[Counter.opcode] = opcode;
}

export function markIdle(counters: Float64Array): void {
  counters[Counter.opcode] = 0;
}

/** Of all threads together; the request in hand is the one that has been in hand for longest. */
export function readCounters(threads: readonly Float64Array[]): Counters {
  const sums = new Float64Array(FIELDS.length);
  let longest: Float64Array | undefined;
  for (const memory of threads) {
    for (let field = 0; field < Counter.opcode; field++) sums[field] += memory[field];
    if (memory[Counter.opcode] === 0) continue;
    if (longest === undefined || memory[Counter.since] < longest[Counter.since]) longest = memory;
  }
  if (longest !== undefined) sums.set(longest.subarray(Counter.opcode), Counter.opcode);
  return Object.fromEntries(FIELDS.map((name, index) => [name, sums[index]])) as Counters;
}

/** How long the request in hand has been in hand, by a thread's counters; 0 between requests. */
export function busyMilliseconds(counters: Pick<Counters, "opcode" | "since">): number {
  return counters.opcode === 0 ? 0 : Math.max(0, monotonicMilliseconds() - counters.since);
}
