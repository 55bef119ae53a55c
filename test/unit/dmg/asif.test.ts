import { expect, test } from "vitest";
import { ImageError } from "../../../image-core/errors.js";
import type { ByteSource } from "../../../image-core/source/byte-source.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { ASIF_CHUNK, ASIF_TABLE, type AsifOptions, buildAsif } from "../../fixtures/dmg/asif.js";
import { mixedBytes, seeded } from "../../fixtures/dmg/random.js";
import { SECTOR } from "../../fixtures/dmg/udif.js";
import { contents, openMedium, openOuter } from "./open.js";

const one = mixedBytes(ASIF_CHUNK, 1);
const two = mixedBytes(ASIF_CHUNK, 2);
const three = mixedBytes(ASIF_CHUNK, 3);
/** The last chunk ends within the disk's end. */
const sectors = (8 * ASIF_CHUNK) / SECTOR - 5;
const chunks = [
  { number: 5, data: one },
  { number: 0, data: two },
  { number: 2, data: one, written: [0, 1, 7, 30] },
  { number: 7, data: three },
];

function disk(): Uint8Array {
  const bytes = new Uint8Array(8 * ASIF_CHUNK);
  bytes.set(one, 5 * ASIF_CHUNK);
  bytes.set(two, 0);
  for (const sector of [0, 1, 7, 30]) {
    const part = one.subarray(sector * SECTOR, (sector + 1) * SECTOR);
    bytes.set(part, 2 * ASIF_CHUNK + sector * SECTOR);
  }
  bytes.set(three, 7 * ASIF_CHUNK);
  return bytes.subarray(0, sectors * SECTOR);
}

const image = (options?: AsifOptions) => new MemorySource(buildAsif(sectors, chunks, options));

test("chunks that were written whole, in part and not at all", async () => {
  const medium = await openMedium(image());
  expect(medium.details).toEqual({ chunkSize: ASIF_CHUNK, chunksUsed: 4 });
  expect(Buffer.compare(contents(medium.source, 3333), disk())).toBe(0);
});

test("several tables, one of them missing", async () => {
  const behind = 2 * (ASIF_TABLE / ASIF_CHUNK) + 3;
  const built = buildAsif((3 * ASIF_TABLE) / SECTOR, [
    { number: 1, data: one },
    { number: behind, data: two },
  ]);
  const { source } = await openMedium(new MemorySource(built));
  expect(source.size).toBe(3 * ASIF_TABLE);
  const part = new Uint8Array(ASIF_CHUNK);
  for (const [number, expected] of [
    [1, one],
    [behind, two],
    [ASIF_TABLE / ASIF_CHUNK + 1, new Uint8Array(ASIF_CHUNK)],
    [behind + 1, new Uint8Array(ASIF_CHUNK)],
  ] as const) {
    source.read(number * ASIF_CHUNK, part, 0, part.length);
    expect(Buffer.compare(part, expected)).toBe(0);
  }
});

test("a chunk in an unknown state takes its own range only", async () => {
  const medium = await openOuter(
    image({ editTable: (table, entry) => void table.writeUInt8(0x80, entry(5)) }),
  );
  expect(medium.warnings).toEqual(["1 chunks are in an unknown state and cannot be read"]);
  const part = new Uint8Array(ASIF_CHUNK);
  expect(() => medium.source.read(5 * ASIF_CHUNK, part, 0, 1)).toThrow(/nobody has described/);
  medium.source.read(0, part, 0, part.length);
  expect(Buffer.compare(part, two)).toBe(0);
});

test.each<[string, RegExp, AsifOptions]>([
  ["another version", /version 2/, { editHeader: (h) => h.writeUInt32BE(2, 4) }],
  ["sectors of 3 bytes", /sectors of 3/, { editHeader: (h) => h.writeUInt16BE(3, 0x44) }],
  ["chunks of 0 bytes", /chunks of 0/, { editHeader: (h) => h.writeUInt32BE(0, 0x40) }],
  ["chunks without a table", /hold no table/, { editHeader: (h) => h.writeUInt32BE(2048, 0x40) }],
  ["a size beyond 2^53", /2\^53/, { editHeader: (h) => h.writeUInt32BE(1 << 20, 0x30) }],
  ["a directory behind the end", /directory/, { editHeader: (h) => h.writeUInt32BE(9, 0x10) }],
  [
    "a disk with more tables than are read",
    /at most 65536 are read/,
    {
      editHeader(header) {
        for (const at of [0x30, 0x38]) header.writeUInt32BE(1 << 10, at);
      },
    },
  ],
  ["no directory", /no directory/, { editHeader: (h) => h.fill(0, 0x10, 0x20) }],
])("%s is refused", async (_, message, options) => {
  const error = await openMedium(image(options)).catch((reason) => reason);
  expect(error).toBeInstanceOf(ImageError);
  expect(error.message).toMatch(message);
});

test("one table in many places is refused", async () => {
  const bytes = buildAsif((3 * ASIF_TABLE) / SECTOR, [{ number: 1, data: one }]);
  const directory = Number(bytes.readBigUInt64BE(0x10));
  bytes.copy(bytes, directory + 16, directory + 8, directory + 16);
  await expect(openMedium(new MemorySource(bytes))).rejects.toThrow(/another's, too/);
});

test("empty tables without end, in a sparse file, are given up", async () => {
  const header = Buffer.from(buildAsif(sectors, chunks).subarray(0, 512));
  const tables = 60_000;
  for (const at of [0x30, 0x38])
    header.writeBigUInt64BE(BigInt((tables * ASIF_TABLE) / SECTOR), at);
  header.writeBigUInt64BE(512n, 0x10);
  header.fill(0, 0x18, 0x20);
  const head = Buffer.alloc(512 + 8 * (tables + 1));
  header.copy(head);
  for (let i = 0; i < tables; i++) head.writeBigUInt64BE(BigInt(1000 + i), 512 + 8 * (i + 1));
  const sparse: ByteSource = {
    size: (2000 + tables) * ASIF_CHUNK,
    read(position, target, offset, length) {
      target.fill(0, offset, offset + length);
      if (position < head.length) target.set(head.subarray(position, position + length), offset);
      return length;
    },
  };
  await expect(openMedium(sparse)).rejects.toThrow(/more than 67108864 chunk entries/);
});

test("mutations: bytes or an ImageError", async () => {
  const random = seeded(5);
  const built = buildAsif(sectors, chunks);
  const part = new Uint8Array(1 << 16);
  for (let i = 0; i < 200; i++) {
    const damaged = Buffer.from(built);
    // Header, directories, the entries of the first chunks.
    const ranges = [0x50, built.length - 2 * ASIF_CHUNK, built.length - 3 * ASIF_CHUNK];
    const from = i % 3 === 0 ? 0 : ranges[i % 3];
    damaged[from + Math.floor(random() * 0x50)] ^= 1 << Math.floor(random() * 8);
    try {
      const { source } = await openMedium(new MemorySource(damaged));
      for (let at = 0; at < Math.min(source.size, 1 << 20); at += part.length) {
        source.read(at, part, 0, part.length);
      }
    } catch (error) {
      const isFitting =
        error instanceof ImageError || (error as Error).message === "no container was recognised";
      if (!isFitting) throw error;
    }
  }
});
