import { closeSync } from "node:fs";
import { expect, test } from "vitest";
import { DecodingLoad } from "../../../daemon/server/decoding-load.js";
import {
  busyMilliseconds,
  COUNTERS_SIZE,
  Counter,
  readCounters,
} from "../../../fs-adapter/counters.js";
import { IN_HEADER_SIZE, InHeader } from "../../../fs-adapter/dev-fuse/abi.js";
import { isWaiting, SLOTS_SIZE, Slot } from "../../../fs-adapter/dev-fuse/slot.js";
import { createMemfd } from "../../../fs-adapter/system/memfd.js";
import { monotonicMilliseconds } from "../../../fs-adapter/system/monotonic.js";

test("a request goes from a dead thread's slot into another, and until then counts as waiting", () => {
  const fd = createMemfd("slots", SLOTS_SIZE);
  const request = Buffer.alloc(IN_HEADER_SIZE + 8, 0x11);
  request.writeUInt32LE(request.length, 0);
  request.fill(0, 4 * InHeader.padding, IN_HEADER_SIZE);
  const left = new Slot(fd, 3);
  left.bytes.set(request);
  expect(isWaiting(left.words)).toBe(false);
  const found = new Slot(fd, 3);
  expect(found.occupied).toBe(true);
  found.wait();
  expect(isWaiting(left.words)).toBe(true);
  const own = new Slot(fd, 0);
  own.takeOver(found);
  expect(left.occupied).toBe(false);
  expect(isWaiting(own.words)).toBe(false);
  expect(own.bytes.subarray(0, request.length).equals(request)).toBe(true);
  closeSync(fd);
});

test("counters of threads are added, and the longest request in hand is told", () => {
  const threads = [0, 1, 2].map(() => new Float64Array(COUNTERS_SIZE / 8));
  const now = monotonicMilliseconds();
  threads.forEach((counters, i) => {
    counters[Counter.requests] = 10 ** i;
    counters[Counter.errors] = i;
    counters[Counter.node] = 100 + i;
    counters[Counter.since] = now - 1000 * (3 - i);
  });
  // The first one's long request is over.
  threads[1][Counter.opcode] = 15;
  threads[2][Counter.opcode] = 3;
  const counters = readCounters(threads);
  expect(counters).toMatchObject({ requests: 111, errors: 3, opcode: 15, node: 101 });
  const busy = busyMilliseconds(counters);
  expect(busy).toBeGreaterThanOrEqual(2000);
  expect(busy).toBeLessThan(2900);
  threads[1][Counter.opcode] = threads[2][Counter.opcode] = 0;
  expect(busyMilliseconds(readCounters(threads))).toBe(0);
});

test("a thread counts as loaded after much decoding within a second, not after little now and then", () => {
  const seldom = new DecodingLoad();
  for (let second = 0; second < 100; second++) expect(seldom.add(14, second * 1001)).toBe(false);
  const often = new DecodingLoad();
  expect([0, 10, 20, 30].map((now) => often.add(4, now))).toEqual([false, false, false, true]);
});
