import { Worker } from "node:worker_threads";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { ChunkArena } from "../../../image-core/cache/chunk-arena.js";

const UNIT = 32 * 1024;
const CHUNKS = 200;
const READS = 1500;
const THREADS = 3;

/** Reads chunks at random, checks each, and counts what it decoded. */
const reader = `
import { workerData } from "node:worker_threads";
import { SharedChunks } from "./image-core/cache/shared-chunks.ts";
import { seeded } from "./test/fixtures/dmg/random.ts";

const { memory, seed, decodes, wrong } = workerData;
const random = seeded(seed);
const store = new SharedChunks(memory).makeStore(
  (index) => (index < ${CHUNKS} ? 1000 + index * 300 : 0),
  (index, target) => {
    Atomics.add(decodes, index, 1);
    target.fill(index + 1);
    // Others come while it is not whole.
    for (let i = 0; i < target.length; i++) target[i] = (index + i) & 0xff;
  },
);
for (let i = 0; i < ${READS}; i++) {
  // All go over the chunks in the same order first: they meet at most of them.
  const index = i < ${CHUNKS} ? i : Math.floor(random() * ${CHUNKS});
  const bytes = store.chunk(index);
  if (bytes.length !== 1000 + index * 300) Atomics.add(wrong, 0, 1);
  for (let j = 0; j < bytes.length; j += 97) {
    if (bytes[j] !== ((index + j) & 0xff)) Atomics.add(wrong, 0, 1);
  }
}
`;

async function readOnThreads(units: number): Promise<{ decodes: number[]; wrong: number }> {
  const bundle = await build({
    stdin: { contents: reader, resolveDir: process.cwd(), loader: "ts" },
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
  });
  const memory = ChunkArena.memory(units * UNIT);
  const decodes = new Int32Array(new SharedArrayBuffer(4 * CHUNKS));
  const wrong = new Int32Array(new SharedArrayBuffer(4));
  const ends = Array.from({ length: THREADS }, (_, seed) => {
    const workerData = { memory, seed, decodes, wrong };
    const worker = new Worker(bundle.outputFiles[0].text, { eval: true, workerData });
    return new Promise((resolve, reject) => worker.on("error", reject).on("exit", resolve));
  });
  expect(await Promise.all(ends)).toEqual(ends.map(() => 0));
  return { decodes: [...decodes], wrong: wrong[0] };
}

test("threads that want the same chunks decode each of them once", async () => {
  const { decodes, wrong } = await readOnThreads(3 * CHUNKS);
  expect(wrong).toBe(0);
  expect(decodes).toEqual(decodes.map(() => 1));
});

test("threads that evict each other's chunks read what they asked for", async () => {
  const { decodes, wrong } = await readOnThreads(24);
  expect(wrong).toBe(0);
  expect(Math.min(...decodes)).toBeGreaterThanOrEqual(1);
  expect(decodes.reduce((sum, count) => sum + count)).toBeGreaterThan(2 * CHUNKS);
});
