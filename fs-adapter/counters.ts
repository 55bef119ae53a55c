/**
 * What a serving thread counts, in memory that the server's main thread reads while the serving
 * thread blocks: no message passes on the hot path.
 */

const FIELDS = [
  "requests",
  "reads",
  "readBytes",
  "splicedBytes",
  "errors",
  /** Of the request in hand: its opcode, 0 between requests. */
  "opcode",
  "node",
  /** Date.now() when it began. */
  "since",
] as const;

export type Counters = Record<(typeof FIELDS)[number], number>;

export const Counter = Object.fromEntries(FIELDS.map((name, index) => [name, index])) as Counters;

export const COUNTERS_SIZE = FIELDS.length * 8;

export function readCounters(memory: Float64Array): Counters {
  return Object.fromEntries(FIELDS.map((name, index) => [name, memory[index]])) as Counters;
}
