import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ImageError } from "../../../image-core/errors.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { encodeAdc } from "../../fixtures/dmg/encoders.js";
import { encodeLzfse } from "../../fixtures/dmg/lzfse-encoder.js";
import { mixedBytes } from "../../fixtures/dmg/random.js";
import { appleFile, macBinary } from "../../fixtures/dmg/sparse.js";
import {
  buildSegments,
  buildUdif,
  ChunkType,
  type FixtureChunk,
  type FixturePartition,
  ignoreChunk,
  plainDisk,
  rawChunk,
  SECTOR,
  zeroChunk,
  zlibChunk,
} from "../../fixtures/dmg/udif.js";
import { run, scratch } from "../../support/tools.js";
import { contents, findings, openLayers, openMedium, openOuter } from "./open.js";

const folder = scratch("udif");
const sectors = (count: number, seed: number) => mixedBytes(count * SECTOR, seed);
const chunk = (type: number, plain: Uint8Array, stored: Uint8Array): FixtureChunk => ({
  type,
  sectors: plain.length / SECTOR,
  stored,
  plain,
});
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const piped = (tool: string, plain: Uint8Array, ...options: string[]) =>
  run(tool, ["-c", ...options], { stdio: "pipe", input: plain });

/** Two partitions with a gap between them, every chunk kind but the compressed ones. */
const simple: FixturePartition[] = [
  { sector: 0, chunks: [rawChunk(sectors(3, 1)), zeroChunk(5), zlibChunk(sectors(16, 2))] },
  {
    sector: 40,
    chunks: [
      { type: ChunkType.comment, sectors: 0 },
      zlibChunk(sectors(7, 3)),
      ignoreChunk(9),
      rawChunk(sectors(2, 4)),
    ],
  },
];

/** An image without any table, and the resource fork that has them, as Disk Copy 6.5 wrote them. */
function apart(trailer: "start" | "end"): { data: Buffer; resource: Buffer } {
  const image = buildUdif(simple, { tables: "resource-fork", trailer });
  const koly = Buffer.from(trailer === "start" ? image.subarray(0, 512) : image.subarray(-512));
  const offset = Number(koly.readBigUInt64BE(40));
  const length = Number(koly.readBigUInt64BE(48));
  koly.fill(0, 40, 56);
  const resource = image.subarray(offset, offset + length);
  const from = trailer === "start" ? 512 : 0;
  const chunks = image.subarray(from, offset);
  const data = Buffer.concat(trailer === "start" ? [koly, chunks] : [chunks, koly]);
  return { data, resource };
}

test.each(["start", "end"] as const)(
  "tables in the file's own resource fork, trailer at the %s",
  async (trailer) => {
    const { data, resource } = apart(trailer);
    await expectDisk(macBinary(data, resource), plainDisk(simple));
    await expectDisk(appleFile(resource, data), plainDisk(simple));
    // With a property list, no fork is looked at.
    await expectDisk(
      macBinary(buildUdif(simple, { trailer }), resource.subarray(0, 9)),
      plainDisk(simple),
    );
  },
);

async function expectDisk(image: Uint8Array, plain: Uint8Array): Promise<void> {
  const medium = await openMedium(new MemorySource(image));
  expect(medium.source.size).toBe(plain.length);
  for (const piece of [1 << 20, 4096, 777]) {
    expect(sha256(contents(medium.source, piece))).toBe(sha256(plain));
  }
  expect(findings(medium)).toEqual([]);
}

test("chunks of every kind lie at their partitions' sectors", async () => {
  await expectDisk(buildUdif(simple), plainDisk(simple));
});

const kinds: [string, (plain: Uint8Array) => FixtureChunk][] = [
  ["zlib", zlibChunk],
  ["ADC", (plain) => chunk(ChunkType.adc, plain, encodeAdc(plain))],
  ["bzip2", (plain) => chunk(ChunkType.bzip2, plain, piped("bzip2", plain))],
  ["LZMA", (plain) => chunk(ChunkType.lzma, plain, piped("xz", plain, "-C", "crc32"))],
  // Not stored blocks (bvx-): Apple's decoder takes them, 7-Zip 26 reports a data error. Nor bvx1,
  // which 7-Zip says it does not read.
  ["LZFSE", (plain) => chunk(ChunkType.lzfse, plain, encodeLzfse(plain, ["bvx2", "bvxn"]))],
];

test.each(kinds)("%s images decode to what 7-Zip decodes", async (name, encode) => {
  const partitions = [
    { sector: 0, chunks: [encode(sectors(64, 5)), zeroChunk(3), encode(sectors(1, 6))] },
    { sector: 68, chunks: [encode(sectors(100, 7)), encode(new Uint8Array(64 * SECTOR))] },
  ];
  const image = buildUdif(partitions);
  const medium = await openMedium(new MemorySource(image));
  expect(medium.details.compression).toBe(name);
  await expectDisk(image, plainDisk(partitions));
  const path = join(folder, `${name}.dmg`);
  writeFileSync(path, image);
  const theirs = run("7z", ["x", "-tdmg", "-so", path]);
  expect(sha256(theirs)).toBe(sha256(plainDisk(partitions)));
});

test.each(kinds.slice(0, 3))("%s images decode to what dmg2img decodes", async (name, encode) => {
  const partitions = [{ sector: 0, chunks: [encode(sectors(64, 5)), encode(sectors(100, 7))] }];
  const image = buildUdif(partitions);
  await expectDisk(image, plainDisk(partitions));
  const path = join(folder, `${name}-2.dmg`);
  writeFileSync(path, image);
  run("dmg2img", ["-s", path, `${path}.img`]);
  expect(sha256(run("cat", [`${path}.img`]))).toBe(sha256(plainDisk(partitions)));
});

test.each([
  ["in a resource fork", { tables: "resource-fork" }],
  ["with the trailer first", { trailer: "start" }],
  ["with bytes before the data fork", { prefix: 777 }],
  ["with junk behind the trailer", { junk: 5000 }],
  ["without sector count", { sectorCount: 0 }],
  ["with a larger sector count", { sectorCount: 58 }],
  ["with MD5", { checksum: "md5" }],
  ["with SHA-1", { checksum: "sha1" }],
  ["with SHA-256", { checksum: "sha256" }],
  ["with SHA-512", { checksum: "sha512" }],
  ["without checksums", { checksum: "none" }],
] as const)("an image %s", async (_, options) => {
  await expectDisk(buildUdif(simple, options), plainDisk(simple));
});

test("a table's DataOffset counts", async () => {
  const shifted = [simple[0], { ...simple[1], dataOffset: 100 }];
  await expectDisk(buildUdif(shifted), plainDisk(simple));
});

test("tables in any order", async () => {
  await expectDisk(buildUdif([...simple].reverse()), plainDisk(simple));
});

test("a trailer without block tables stands behind a raw disk", async () => {
  const plain = sectors(30, 8);
  const koly = buildUdif([{ sector: 0, chunks: [rawChunk(plain)] }]).subarray(-512);
  const trailer = Buffer.from(koly);
  trailer.fill(0, 216, 232);
  await expectDisk(Buffer.concat([plain, trailer]), plain);
});

test("segments are found by their id and joined", async () => {
  const plain = plainDisk(simple);
  // Cut within chunks.
  const files = buildSegments(simple, [700, 1500, 0]);
  const names = ["disk.dmg", "disk.002.dmgpart", "disk.003.dmgpart"];
  const beside = {
    name: "disk.dmg",
    neighbourNames: () => [...names, "other.dmg", "readme.txt"],
    neighbour: (name: string) =>
      new MemorySource(name === "other.dmg" ? buildUdif(simple) : files[names.indexOf(name)]),
  };
  const medium = await openMedium(new MemorySource(files[0]), beside);
  expect(sha256(contents(medium.source, 4096))).toBe(sha256(plain));
  expect(findings(medium)).toEqual([]);
  const fromThird = await openMedium(new MemorySource(files[2]), { ...beside, name: names[2] });
  expect(sha256(contents(fromThird.source))).toBe(sha256(plain));
  await expect(
    openMedium(new MemorySource(files[0]), { ...beside, neighbourNames: () => names.slice(0, 2) }),
  ).rejects.toThrow(/segment 3 of 3 is not beside disk.dmg/);
});

test("raw chunks are located, others are not", async () => {
  const image = buildUdif(simple);
  class Located extends MemorySource {
    locate(
      position: number,
      length: number,
      range: { fd: number; position: number; length: number },
    ) {
      Object.assign(range, { fd: 7, position, length });
      return true;
    }
  }
  const { source } = await openMedium(new Located(image));
  const range = { fd: 0, position: 0, length: 0 };
  expect(source.locate?.(10, 9999, range)).toBe(true);
  expect(range).toEqual({ fd: 7, position: 10, length: 3 * SECTOR - 10 });
  expect(source.locate?.(3 * SECTOR, 100, range)).toBe(false);
  expect(source.locate?.(10 * SECTOR, 100, range)).toBe(false);
  const last = (40 + 7 + 9) * SECTOR;
  expect(source.locate?.(last, 9999, range)).toBe(true);
  expect(range.length).toBe(2 * SECTOR);
  const there = image.subarray(range.position, range.position + range.length);
  expect(Buffer.compare(there, plainDisk(simple).subarray(last))).toBe(0);
});

test("verify names the range that is bad, and the rest stays readable", async () => {
  const image = buildUdif(simple);
  // Within the second zlib chunk: behind 3 raw sectors and the first zlib chunk.
  const second = 3 * SECTOR + (simple[0].chunks[2].stored?.length ?? 0) + 40;
  image[second] ^= 1;
  const medium = await openOuter(new MemorySource(image));
  const found = findings(medium);
  expect(found).toHaveLength(2);
  expect(found[0]).toMatch(/^image: data fork at 0x0, \d+ bytes: CRC32 \w{8} instead of \w{8}$/);
  expect(found[1]).toMatch(/^block table 1: sectors 40 to 57: udif: chunk \d+ at 0x\w+: /);
  const plain = plainDisk(simple);
  const whole = new Uint8Array(24 * SECTOR);
  medium.source.read(0, whole, 0, whole.length);
  expect(Buffer.compare(whole, plain.subarray(0, whole.length))).toBe(0);
  expect(() => medium.source.read(41 * SECTOR, whole, 0, 100)).toThrow(ImageError);
  const behind = new Uint8Array(2 * SECTOR);
  medium.source.read(56 * SECTOR, behind, 0, behind.length);
  expect(Buffer.compare(behind, plain.subarray(56 * SECTOR))).toBe(0);
});

test("verify finds wrong plain bytes, and a wrong master checksum", async () => {
  const image = buildUdif(simple, { checksum: "none" });
  image[100] ^= 0x80;
  const medium = await openMedium(new MemorySource(image));
  expect(findings(medium)).toEqual([
    expect.stringMatching(/^block table 0: sectors 0 to 23: CRC32 \w{8} instead of \w{8}$/),
  ]);
  const master = buildUdif(simple, { editTrailer: (koly) => koly.writeUInt8(koly[360] ^ 1, 360) });
  expect(findings(await openMedium(new MemorySource(master)))).toEqual([
    expect.stringMatching(/^master checksum: CRC32/),
  ]);
});

test("verify reports how far it is", async () => {
  const medium = await openMedium(new MemorySource(buildUdif(simple)));
  let last = [0, 1];
  for (const _ of medium.verify?.((done, total) => {
    expect(done).toBeGreaterThan(last[0]);
    last = [done, total];
  }) ?? []) {
    throw new Error("nothing is wrong with it");
  }
  expect(last[0]).toBe(last[1]);
});

test("an image within an image opens layer by layer", async () => {
  const prefix = SECTOR - (buildUdif(simple).length % SECTOR);
  const outer = buildUdif([{ sector: 0, chunks: [zlibChunk(buildUdif(simple, { prefix }))] }]);
  const layers = await openLayers(new MemorySource(outer));
  expect(layers.map(({ id }) => id)).toEqual(["udif", "udif"]);
  expect(sha256(contents(layers[1].medium.source))).toBe(sha256(plainDisk(simple)));
});
