import { expect, test } from "vitest";
import { ChunkArena } from "../../../image-core/cache/chunk-arena.js";
import type { ChunkStore } from "../../../image-core/cache/chunk-cache.js";
import { SharedChunks } from "../../../image-core/cache/shared-chunks.js";
import { seeded } from "../../fixtures/dmg/random.js";

const UNIT = 32 * 1024;

interface Reader {
  store: ChunkStore;
  decoded: number[];
}

/** As one thread would have it; chunk i is filled with i. */
function reader(
  memory: SharedArrayBuffer,
  lengthOf: (index: number) => number = () => UNIT,
  decode: (index: number, target: Uint8Array) => void = (index, target) => target.fill(index),
): Reader {
  const decoded: number[] = [];
  const store = new SharedChunks(memory, undefined, 30).makeStore(lengthOf, (index, target) => {
    decoded.push(index);
    decode(index, target);
  });
  return { store, decoded };
}

test("what one reader has decoded, another has; the least recently used goes first", () => {
  const memory = ChunkArena.memory(3 * UNIT);
  const one = reader(memory);
  const two = reader(memory);
  for (const index of [1, 2, 3]) one.store.chunk(index);
  for (const index of [2, 1])
    expect(two.store.chunk(index)).toEqual(new Uint8Array(UNIT).fill(index));
  expect(two.decoded).toEqual([]);
  // One has 3 pinned and two 1: only 2 may go.
  two.store.chunk(4);
  one.store.chunk(1);
  expect(two.decoded).toEqual([4]);
  expect(one.decoded).toEqual([1, 2, 3]);
  one.store.chunk(2);
  expect(one.decoded).toEqual([1, 2, 3, 2]);
});

test("a chunk stays as it is until its reader asks for another", () => {
  const memory = ChunkArena.memory(2 * UNIT);
  const one = reader(memory);
  const two = reader(memory);
  const held = one.store.chunk(7);
  for (let index = 10; index < 60; index++) two.store.chunk(index);
  expect(held.every((byte) => byte === 7)).toBe(true);
});

test("a chunk for which there is no room is decoded for its reader alone", () => {
  const memory = ChunkArena.memory(2 * UNIT);
  const one = reader(memory, (index) => (index === 9 ? 3 * UNIT : UNIT));
  const two = reader(memory);
  const three = reader(memory);
  expect(one.store.chunk(9)).toEqual(new Uint8Array(3 * UNIT).fill(9));
  expect(one.store.chunk(9)).toHaveLength(3 * UNIT);
  expect(one.decoded).toEqual([9]);
  one.store.chunk(1);
  two.store.chunk(2);
  const alone = three.store.chunk(3);
  expect(alone.buffer).not.toBe(memory);
  expect(alone.every((byte) => byte === 3)).toBe(true);
  // Nothing private is left pinned: it goes on in shared memory.
  one.store.chunk(2);
  expect(three.store.chunk(4).buffer).toBe(memory);
});

test("a chunk that fails is not kept, and may be tried again", () => {
  let fails = true;
  const memory = ChunkArena.memory(2 * UNIT);
  const decode = (_: number, target: Uint8Array) => {
    target.fill(1);
    if (fails) throw new Error("no");
  };
  const one = reader(memory, undefined, decode);
  const two = reader(memory, undefined, decode);
  expect(() => one.store.chunk(5)).toThrow("no");
  expect(() => one.store.chunk(5)).toThrow("no");
  expect(() => two.store.chunk(5)).toThrow("no");
  fails = false;
  expect(two.store.chunk(5)[0]).toBe(1);
  one.store.chunk(5);
  expect(one.decoded).toEqual([5, 5]);
  expect(two.decoded).toEqual([5, 5]);
});

test("who waits in vain for another's chunk decodes it alone", () => {
  const memory = ChunkArena.memory(4 * UNIT);
  const stuck = new ChunkArena(memory);
  expect(stuck.take(0, 5, UNIT, -1).state).toBe("claimed");
  const one = reader(memory);
  expect(one.store.chunk(5)[0]).toBe(5);
  expect(one.decoded).toEqual([5]);
  stuck.filled(0, 5);
  one.store.chunk(6);
  one.store.chunk(5);
  expect(one.decoded).toEqual([5, 6]);
});

test("sources of one image are kept apart; what comes after opening is private", () => {
  const memory = ChunkArena.memory(8 * UNIT);
  const chunks = new SharedChunks(memory);
  const make = (value: number) =>
    chunks.makeStore(
      () => UNIT,
      (_, target) => target.fill(value),
    );
  const [outer, inner] = [make(1), make(2)];
  expect([outer.chunk(0)[0], inner.chunk(0)[0], outer.chunk(0)[0]]).toEqual([1, 2, 1]);
  chunks.seal();
  const late = make(3);
  expect(late.chunk(0)[0]).toBe(3);
  expect(late.chunk(0).buffer).not.toBe(memory);
});

test("chunks of all lengths never lie on each other, and few are decoded twice", () => {
  const random = seeded(3);
  const lengths = Array.from({ length: 60 }, () => Math.ceil(random() ** 3 * 9 * UNIT));
  const memory = ChunkArena.memory(64 * UNIT);
  const readers = [0, 1, 2].map(() => reader(memory, (index) => lengths[index]));
  const held: [index: number, bytes: Uint8Array][] = [];
  for (let i = 0; i < 6000; i++) {
    const who = Math.floor(random() * readers.length);
    // Some are asked for much more often than others.
    const index = Math.floor(random() ** 2 * lengths.length);
    held[who] = [index, readers[who].store.chunk(index)];
    for (const [chunk, bytes] of held.filter(Boolean)) {
      expect(bytes.length).toBe(lengths[chunk]);
      if (bytes[0] !== chunk || bytes[bytes.length - 1] !== chunk)
        throw new Error(`chunk ${chunk}`);
      if (i % 50 === 0) expect(bytes.every((byte) => byte === chunk)).toBe(true);
    }
  }
  const decoded = readers.reduce((sum, each) => sum + each.decoded.length, 0);
  expect(decoded).toBeGreaterThanOrEqual(60);
  expect(decoded).toBeLessThan(3500);
});
