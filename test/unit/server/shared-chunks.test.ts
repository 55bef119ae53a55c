import { expect, test } from "vitest";
import { ChunkArena } from "../../../image-core/cache/chunk-arena.js";
import type { ChunkStore } from "../../../image-core/cache/chunk-cache.js";
import { SharedChunks } from "../../../image-core/cache/shared-chunks.js";
import { ImageError } from "../../../image-core/errors.js";
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

/** Threads: each reads in order what `reader` was made for, and the first of them is busy elsewhere. */
function team(units: number, lengthOf: (index: number) => number = () => UNIT) {
  const memory = ChunkArena.memory(units * UNIT);
  const busy = new ChunkArena(memory);
  const decoded: number[] = [];
  const chunks = new SharedChunks(memory, undefined, 30);
  const store = chunks.makeStore(lengthOf, (index, target) => {
    decoded.push(index);
    if (index === 13) throw new ImageError("corrupt", "test", "no");
    target.fill(index);
  });
  busy.join();
  chunks.seal();
  return { busy, decoded, chunks, store };
}

test("who waits for a chunk of an image read in order decodes those behind it meanwhile", () => {
  const { busy, decoded, store } = team(32, (index) => (index === 4 || index > 9 ? 0 : UNIT));
  store.chunk(1);
  expect(busy.take(0, 2, UNIT, -1).state).toBe("claimed");
  // An eighth of the memory is four chunks; 4 needs no decoding.
  expect(store.chunk(2)[0]).toBe(2);
  expect(decoded).toEqual([1, 3, 5, 6, 7, 2]);
  busy.filled(0, 2);
  for (const index of [3, 5, 6, 7]) expect(store.chunk(index)[0]).toBe(index);
  expect(decoded).toHaveLength(6);
});

test("who waits for a chunk read at random decodes nothing else", () => {
  const { busy, decoded, store } = team(64);
  store.chunk(1);
  expect(busy.take(0, 7, UNIT, -1).state).toBe("claimed");
  store.chunk(7);
  expect(decoded).toEqual([1, 7]);
  // What lies before it was read, but long ago.
  for (let index = 30; index > 10; index -= 1) if (index !== 13) store.chunk(index);
  expect(busy.take(0, 2, UNIT, -1).state).toBe("claimed");
  const before = decoded.length;
  store.chunk(2);
  expect(decoded.slice(before)).toEqual([2]);
});

test("a thread that is asked for nothing decodes ahead, one chunk at a time and not too far", () => {
  const { busy, decoded, chunks, store } = team(32);
  store.chunk(1);
  expect(chunks.workAhead()).toBe(false);
  store.chunk(2);
  // One thread is left to answer.
  expect(busy.enterAhead()).toBe(true);
  expect(chunks.workAhead()).toBe(false);
  busy.leaveAhead();
  expect(chunks.workAhead()).toBe(true);
  expect(decoded).toEqual([1, 2, 3]);
  while (chunks.workAhead()) expect(decoded.length).toBeLessThan(10);
  expect(decoded).toEqual([1, 2, 3, 4, 5, 6]);
  expect(store.chunk(3)[0]).toBe(3);
  expect(chunks.workAhead()).toBe(true);
  expect(decoded).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test("a lone thread decodes nothing ahead", () => {
  const decoded: number[] = [];
  const chunks = new SharedChunks(ChunkArena.memory(32 * UNIT));
  const store = chunks.makeStore(
    () => UNIT,
    (index) => decoded.push(index),
  );
  chunks.seal();
  for (const index of [1, 2, 3]) store.chunk(index);
  expect(chunks.workAhead()).toBe(false);
  expect(decoded).toEqual([1, 2, 3]);
});

test("a chunk that fails ahead of its time is the error of who asks for it, and of nobody else", () => {
  const { decoded, chunks, store } = team(32);
  store.chunk(11);
  expect(store.chunk(12)[0]).toBe(12);
  expect(chunks.workAhead()).toBe(false);
  expect(chunks.workAhead()).toBe(false);
  // Tried once, and once more when it is asked for.
  expect(decoded).toEqual([11, 12, 13]);
  expect(() => store.chunk(13)).toThrow(ImageError);
  expect(decoded).toEqual([11, 12, 13, 13]);
  expect(store.chunk(14)[0]).toBe(14);
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
