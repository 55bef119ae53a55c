import { expect, test } from "vitest";
import { ChunkArena } from "../../../image-core/cache/chunk-arena.js";
import { SharedChunks } from "../../../image-core/cache/shared-chunks.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { encodeAdc } from "../../fixtures/dmg/encoders.js";
import { encrypt } from "../../fixtures/dmg/encrypted.js";
import { encodeLzfse } from "../../fixtures/dmg/lzfse-encoder.js";
import { mixedBytes } from "../../fixtures/dmg/random.js";
import { buildUdif, ChunkType, SECTOR, zlibChunk } from "../../fixtures/dmg/udif.js";
import { run } from "../../support/tools.js";
import { contents, openMedium, passphrase } from "../dmg/open.js";

const plain = Buffer.from(mixedBytes(5 * 128 * 1024, 4));

/** A chunk of each codec. */
function image(): Buffer {
  const part = (index: number) => plain.subarray(index * 128 * 1024, (index + 1) * 128 * 1024);
  const stored = (type: number, index: number, bytes: Uint8Array) => ({
    type,
    sectors: part(index).length / SECTOR,
    stored: bytes,
    plain: part(index),
  });
  const pipe = (program: string, index: number) =>
    run(program, ["-c"], { input: part(index), stdio: ["pipe", "pipe", "pipe"] });
  return buildUdif([
    {
      sector: 0,
      chunks: [
        zlibChunk(part(0)),
        stored(ChunkType.adc, 1, encodeAdc(part(1))),
        stored(ChunkType.lzfse, 2, encodeLzfse(part(2), ["bvx2"])),
        stored(ChunkType.bzip2, 3, pipe("bzip2", 3)),
        stored(ChunkType.lzma, 4, pipe("xz", 4)),
      ],
    },
  ]);
}

async function readShared(bytes: Uint8Array, memory: SharedArrayBuffer) {
  let decodes = 0;
  const chunks = new SharedChunks(memory, () => decodes++);
  const medium = await openMedium(new MemorySource(bytes), {
    chunkStore: chunks.makeStore,
    ...passphrase("secret"),
  });
  return { bytes: contents(medium.source), decodes };
}

test("every codec decodes into shared memory, and what one has decoded another reads", async () => {
  const memory = ChunkArena.memory(4 * 1024 * 1024);
  const first = await readShared(image(), memory);
  expect(first.bytes.equals(plain)).toBe(true);
  expect(first.decodes).toBe(5);
  const second = await readShared(image(), memory);
  expect(second.bytes.equals(plain)).toBe(true);
  expect(second.decodes).toBe(0);
});

test("a compressed image in an encrypted one shares both layers", async () => {
  const encrypted = encrypt(image(), {
    version: 2,
    keyBits: 128,
    blockSize: 512,
    passphrase: "secret",
  });
  const memory = ChunkArena.memory(4 * 1024 * 1024);
  const first = await readShared(encrypted, memory);
  expect(first.bytes.equals(plain)).toBe(true);
  expect(first.decodes).toBeGreaterThan(5);
  const second = await readShared(encrypted, memory);
  expect(second.bytes.equals(plain)).toBe(true);
  expect(second.decodes).toBe(0);
});
