import { expect, test } from "vitest";
import { ChunkCache } from "../../../image-core/cache/chunk-cache.js";
import {
  ChunkKind,
  ChunkTableBuilder,
  FIRST_CODEC,
} from "../../../image-core/source/chunk-table.js";
import { ChunkedSource } from "../../../image-core/source/chunked-source.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { seeded } from "../../fixtures/dmg/random.js";

test("a chunk is decoded once while it fits, and the least recently used one goes first", () => {
  const decoded: number[] = [];
  const cache = new ChunkCache(
    () => 100,
    (index, target) => {
      decoded.push(index);
      target.fill(index);
    },
    300,
  );
  const seen = new Set<ArrayBufferLike>();
  const use = (index: number) => {
    const bytes = cache.chunk(index);
    expect(bytes.every((byte) => byte === index)).toBe(true);
    seen.add(bytes.buffer);
  };
  [1, 2, 3, 1, 2, 3, 1, 4, 1, 3, 2, 2].forEach(use);
  expect(decoded).toEqual([1, 2, 3, 4, 2]);
  for (let i = 10; i < 200; i++) use(i);
  expect(seen.size).toBe(3);
});

test("a chunk larger than the limit is kept alone; one that fails is not kept", () => {
  let fails = true;
  let count = 0;
  const cache = new ChunkCache(
    (index) => (index === 9 ? 1000 : 10),
    (index) => {
      count++;
      if (index === 5 && fails) throw new Error("no");
    },
    100,
  );
  cache.chunk(1);
  cache.chunk(9);
  cache.chunk(9);
  expect(count).toBe(2);
  expect(() => cache.chunk(5)).toThrow("no");
  expect(() => cache.chunk(5)).toThrow("no");
  fails = false;
  expect(cache.chunk(5)).toHaveLength(10);
  expect(count).toBe(5);
});

test("a table of half a million chunks is built from any order and read at random", () => {
  const chunks = 500_000;
  const builder = new ChunkTableBuilder("test");
  const size = 8;
  for (let i = 0; i < chunks; i++) {
    const number = (i * 7919) % chunks;
    // Every tenth is left out.
    if (number % 10 !== 9) builder.add(number * size, size, FIRST_CODEC + (number % 5), number, 1);
  }
  const table = builder.build(chunks * size);
  expect(table.count).toBe(chunks);
  const source = new ChunkedSource(
    "test",
    table,
    new MemorySource(Uint8Array.from({ length: chunks }, (_, i) => i & 0xff)),
    (kind, input, output) => {
      output.fill(input[0] ^ kind);
      return output.length;
    },
  );
  const random = seeded(1);
  const bytes = new Uint8Array(3 * size);
  for (let i = 0; i < 2000; i++) {
    const number = Math.floor(random() * (chunks - 3));
    const inside = i % size;
    source.read(number * size + inside, bytes, 0, bytes.length - inside);
    for (let j = 0; j < bytes.length - inside; j++) {
      const at = number + Math.floor((inside + j) / size);
      const expected = at % 10 === 9 ? 0 : (at & 0xff) ^ (FIRST_CODEC + (at % 5));
      if (bytes[j] !== expected) throw new Error(`byte ${j} of chunk ${number}`);
    }
  }
});

test("raw neighbours are joined, so that they are located as one", () => {
  const builder = new ChunkTableBuilder("test");
  builder.add(0, 100, ChunkKind.raw, 50, 100);
  builder.add(100, 100, ChunkKind.raw, 150, 100);
  builder.add(200, 100, ChunkKind.raw, 900, 100);
  builder.add(300, 100, ChunkKind.zero, 0, 0);
  builder.add(400, 100, ChunkKind.zero, 0, 0);
  const { count, starts, positions, kinds } = builder.build(600);
  expect(count).toBe(4);
  expect([...starts]).toEqual([0, 200, 300, 500, 600]);
  expect([...positions]).toEqual([50, 900, 0, 0]);
  expect([...kinds]).toEqual([ChunkKind.raw, ChunkKind.raw, ChunkKind.zero, ChunkKind.absent]);
});
