import { expect, test } from "vitest";
import { resourcesOfType } from "../../../image-core/container/udif/resource-fork.js";
import { ImageError, type ImageErrorKind } from "../../../image-core/errors.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { encodeAdc } from "../../fixtures/dmg/encoders.js";
import { encodeLzfse } from "../../fixtures/dmg/lzfse-encoder.js";
import { mixedBytes, seeded } from "../../fixtures/dmg/random.js";
import {
  buildResourceFork,
  buildUdif,
  ChunkType,
  type FixturePartition,
  plainDisk,
  rawChunk,
  SECTOR,
  type UdifOptions,
  zeroChunk,
  zlibChunk,
} from "../../fixtures/dmg/udif.js";
import { contents, openMedium, openOuter } from "./open.js";

const plain = mixedBytes(8 * SECTOR, 1);
const partitions: FixturePartition[] = [
  { sector: 0, chunks: [zlibChunk(plain), rawChunk(plain), zeroChunk(4)] },
];
const ENTRY = (index: number) => 204 + index * 40;

async function refusal(image: Uint8Array): Promise<ImageError> {
  try {
    const medium = await openMedium(new MemorySource(image));
    contents(medium.source);
  } catch (error) {
    if (error instanceof ImageError) return error;
    throw error;
  }
  throw new Error("it was read without complaint");
}

const tables: [string, ImageErrorKind, RegExp, (table: Buffer) => void][] = [
  ["overlapping chunks", "corrupt", /overlaps/, (t) => t.writeBigUInt64BE(3n, ENTRY(1) + 8)],
  [
    "sectors whose sum overflows",
    "corrupt",
    /beyond 2\^53/,
    (t) => t.writeBigUInt64BE(0xffffffffffffffffn, ENTRY(1) + 8),
  ],
  ["more chunks than bytes", "corrupt", /room for 4/, (t) => t.writeUInt32BE(0xffffffff, 200)],
  [
    "no chunk type that is known",
    "unsupported",
    /0x80000009/,
    (t) => t.writeUInt32BE(0x80000009, ENTRY(0)),
  ],
  ["no signature", "corrupt", /signature/, (t) => t.write("mosh", "latin1")],
  [
    "data past the end of the file",
    "truncated",
    /end behind the stored data/,
    (t) => t.writeBigUInt64BE(1n << 40n, ENTRY(0) + 24),
  ],
  ["data beyond 2^53", "corrupt", /2\^53/, (t) => t.writeBigUInt64BE(1n << 60n, ENTRY(0) + 24)],
  [
    "a raw chunk of another length",
    "corrupt",
    /raw chunk/,
    (t) => t.writeBigUInt64BE(100n, ENTRY(1) + 32),
  ],
  ["a table at a sector beyond 2^53", "corrupt", /2\^53/, (t) => t.writeBigUInt64BE(1n << 50n, 8)],
];

test.each(tables)("%s: %s", async (_, kind, message, editTable) => {
  const error = await refusal(buildUdif(partitions, { editTable, sectorCount: 20 }));
  expect(error.message).toMatch(message);
  expect(error.kind).toBe(kind);
});

const lists: [string, ImageErrorKind, RegExp, (xml: string) => string][] = [
  [
    "entities of its own",
    "corrupt",
    /declares entities/,
    (xml) => xml.replace(/<!DOCTYPE[^>]*>/, '<!DOCTYPE plist [<!ENTITY a "aaaa">]>'),
  ],
  [
    "an external entity",
    "corrupt",
    /declares entities/,
    (xml) =>
      xml.replace(/<!DOCTYPE[^>]*>/, '<!DOCTYPE plist [<!ENTITY a SYSTEM "file:///etc/passwd">]>'),
  ],
  [
    "levels without end",
    "limit",
    /deeper than/,
    (xml) => xml.replace("<array>", "<array>".repeat(100_000)),
  ],
  [
    "values without end",
    "limit",
    /values/,
    (xml) => xml.replace("<array>", `<array>${"<true/>".repeat(300_000)}`),
  ],
  ["unclosed elements", "corrupt", /closes/, (xml) => xml.replace("</array>", "")],
  ["no end", "corrupt", /ends|follows|closed/, (xml) => xml.slice(0, xml.length / 2)],
  ["a value without key", "corrupt", /without key/, (xml) => xml.replace("<key>Data</key>", "")],
  ["no blkx", "corrupt", /resource-fork\/blkx/, (xml) => xml.replace(">blkx<", ">blkz<")],
  ["markup in a text", "corrupt", /markup/, (xml) => xml.replace("Apple_HFS", "<b>x</b>")],
  ["CDATA", "corrupt", /markup|not an element/, (xml) => xml.replace("Apple_HFS", "<![CDATA[x]]>")],
  ["UTF-16", "unsupported", /UTF-16/, (xml) => `\ufeff${xml}`],
  ["text between elements", "corrupt", /text between/, (xml) => xml.replace("<array>", "x<array>")],
];

test.each(lists)("a property list with %s: %s", async (_, kind, message, editXml) => {
  let image = buildUdif(partitions, { editXml });
  if (kind === "unsupported") {
    // The builder writes UTF-8; make the mark what UTF-16 begins with.
    const at = image.indexOf(Buffer.from([0xef, 0xbb, 0xbf]));
    image = Buffer.from(image);
    image.set([0xff, 0xfe, 0x20], at);
  }
  const error = await refusal(image);
  expect(error.message).toMatch(message);
  expect(error.kind).toBe(kind);
});

test.each(["&lol9;", "a & b", "&#x110000;", "&#0;", "&;"])(
  "a partition's name with %s leaves the image whole",
  async (name) => {
    const image = buildUdif(partitions, { editXml: (xml) => xml.replace("Apple_HFS", name) });
    const { source } = await openMedium(new MemorySource(image));
    expect(Buffer.compare(contents(source), plainDisk(partitions))).toBe(0);
  },
);

test("numbers that nobody needs may be anything", async () => {
  const numbers = ["99999999999999999999", "0xFFFFFFFFFFFFFFFF", "nan", "-0x10", "1e999", "1.2.3"];
  const image = buildUdif(partitions, {
    editXml: (xml) =>
      xml.replace(
        "<key>Attributes</key>",
        `<key>Odd</key><array>${numbers.map((n) => `<integer>${n}</integer>`).join("")}</array>$&`,
      ),
  });
  const { source } = await openMedium(new MemorySource(image));
  expect(Buffer.compare(contents(source), plainDisk(partitions))).toBe(0);
});

test("a chunk of unknown type takes its own range only", async () => {
  const image = buildUdif([{ sector: 0, chunks: [...partitions[0].chunks, zlibChunk(plain)] }], {
    editTable: (table) => table.writeUInt32BE(0x80000009, ENTRY(0)),
  });
  const medium = await openOuter(new MemorySource(image));
  expect(medium.warnings).toEqual([
    expect.stringMatching(/1 chunks of unknown type \(0x80000009\)/),
  ]);
  const bytes = new Uint8Array(plain.length);
  expect(() => medium.source.read(0, bytes, 0, 1)).toThrow(/unknown type/);
  for (const sector of [8, 20]) {
    medium.source.read(sector * SECTOR, bytes, 0, bytes.length);
    expect(Buffer.compare(bytes, plain)).toBe(0);
  }
});

test("chunks past their table's sectors are read, and lengthen the disk", async () => {
  const image = buildUdif(partitions, {
    editTable: (table) => table.writeBigUInt64BE(5n, 16),
    sectorCount: 5,
  });
  const medium = await openOuter(new MemorySource(image));
  expect(Buffer.compare(contents(medium.source), plainDisk(partitions))).toBe(0);
  expect(medium.warnings).toEqual([expect.stringMatching(/hold 20 sectors, their tables count 5/)]);
});

test("a raw chunk with more stored than it decodes to is read", async () => {
  const chunks = [{ ...rawChunk(plain), stored: Buffer.concat([plain, plain]) }, rawChunk(plain)];
  const image = buildUdif([{ sector: 0, chunks }]);
  const { source } = await openMedium(new MemorySource(image));
  expect(Buffer.compare(contents(source), Buffer.concat([plain, plain]))).toBe(0);
});

test("a data fork stated too short for its chunks", async () => {
  const image = buildUdif(partitions, { editTrailer: (koly) => koly.writeBigUInt64BE(100n, 32) });
  const medium = await openOuter(new MemorySource(image));
  expect(Buffer.compare(contents(medium.source), plainDisk(partitions))).toBe(0);
  expect(medium.warnings).toEqual([]);
});

test.each(["xml", "resource-fork"] as const)("something before the image (%s)", async (tables) => {
  const image = Buffer.concat([Buffer.alloc(1000, 0xaa), buildUdif(partitions, { tables })]);
  const { source } = await openMedium(new MemorySource(image));
  expect(Buffer.compare(contents(source), plainDisk(partitions))).toBe(0);
});

test("a damaged property list with the same tables in a resource fork behind it", async () => {
  const forked = buildUdif(partitions, { tables: "resource-fork" });
  const koly = Buffer.from(forked.subarray(-512));
  const xml = Buffer.from("<plist><dict><key>resource-fork</key><dict/></dict></plist>");
  koly.writeBigUInt64BE(BigInt(forked.length - 512), 216);
  koly.writeBigUInt64BE(BigInt(xml.length), 224);
  const image = Buffer.concat([forked.subarray(0, -512), xml, koly]);
  const medium = await openOuter(new MemorySource(image));
  expect(Buffer.compare(contents(medium.source), plainDisk(partitions))).toBe(0);
  expect(medium.warnings).toEqual([expect.stringMatching(/the resource fork was used/)]);
});

test("a resource fork that lists one block table without end", async () => {
  const blkx = Buffer.alloc(204 + 40);
  blkx.write("mish", "latin1");
  const fork = buildResourceFork([["blkx", [blkx]]]);
  const map = fork.readUInt32BE(4);
  fork.writeUInt16BE(0xfffe, map + 28 + 2 + 4);
  // All references read as the first: a few megabytes of them.
  const reference = fork.subarray(-12);
  const many = Buffer.concat([fork, ...Array.from({ length: 0xffff }, () => reference)]);
  expect(() => resourcesOfType(many, "blkx", "udif")).toThrow(/several resources/);
});

test("predefined entities, character references and comments are read", async () => {
  const image = buildUdif(partitions, {
    editXml: (xml) =>
      `\ufeff${xml.replace("Apple_HFS", "&lt;&amp;&#65;&#x1F600;&quot;").replace("<dict>", "<!-- <x> --><dict>")}\0`,
  });
  expect((await openMedium(new MemorySource(image))).source.size).toBe(20 * SECTOR);
});

test("claims of terabytes cost nothing until they are read", async () => {
  const huge = await openMedium(new MemorySource(buildUdif(partitions, { sectorCount: 2 ** 40 })));
  expect(huge.source.size).toBe(2 ** 49);
  const end = new Uint8Array(100).fill(1);
  expect(huge.source.read(2 ** 49 - 50, end, 0, 100)).toBe(50);
  expect(end.subarray(0, 50).every((byte) => byte === 0)).toBe(true);
  const zeros = [{ sector: 0, chunks: [{ type: ChunkType.zero, sectors: 2 ** 36 }] }];
  expect((await openMedium(new MemorySource(buildUdif(zeros)))).source.size).toBe(2 ** 45);
});

test("a chunk that would decode to gigabytes is refused when it is read", async () => {
  const bomb: FixturePartition[] = [
    {
      sector: 0,
      chunks: [rawChunk(plain), { ...zlibChunk(plain), sectors: 2 ** 22, plain: undefined }],
    },
  ];
  const { source } = await openOuter(new MemorySource(buildUdif(bomb)));
  const bytes = new Uint8Array(plain.length);
  source.read(0, bytes, 0, bytes.length);
  expect(Buffer.compare(bytes, plain)).toBe(0);
  expect(() => source.read(plain.length, bytes, 0, 1)).toThrow(/2147483648; at most/);
});

test("a stream that holds more than its chunk is refused", async () => {
  const chunk = { ...zlibChunk(new Uint8Array(50_000_000)), sectors: 1, plain: undefined };
  const error = await refusal(buildUdif([{ sector: 0, chunks: [chunk] }]));
  expect(error.message).toMatch(/more than the 512 bytes/);
});

test("a stream that holds less than its chunk is refused", async () => {
  const chunk = { ...zlibChunk(plain), sectors: 9 };
  const error = await refusal(buildUdif([{ sector: 0, chunks: [chunk] }]));
  expect(error.message).toMatch(/decoded 4096 of 4608 bytes/);
});

const fuzzed: [string, UdifOptions][] = [
  ["property list", {}],
  ["resource fork", { tables: "resource-fork" }],
];
test.each(fuzzed)("mutations of an image with a %s: bytes or an ImageError", async (_, options) => {
  const image = buildUdif(
    [
      {
        sector: 0,
        chunks: [
          zlibChunk(plain),
          { type: ChunkType.adc, sectors: 8, stored: encodeAdc(plain), plain },
          { type: ChunkType.lzfse, sectors: 8, stored: encodeLzfse(plain, ["bvx2"]), plain },
          zeroChunk(4),
        ],
      },
    ],
    options,
  );
  const random = seeded(99);
  const buffer = new Uint8Array(64 * 1024);
  let opened = 0;
  for (let i = 0; i < 400; i++) {
    const damaged = Buffer.from(image);
    for (let j = 0; j <= i % 3; j++) {
      // Most of them in tables and trailer, which lie behind the data.
      const from = i % 4 === 0 ? 0 : damaged.length - (i % 4 === 1 ? 512 : 2500);
      const at = from + Math.floor(random() * (damaged.length - from));
      damaged[at] = i % 2 === 0 ? Math.floor(random() * 256) : damaged[at] ^ (1 << (i & 7));
    }
    try {
      const { source } = await openMedium(new MemorySource(damaged));
      opened++;
      for (let at = 0; at < Math.min(source.size, 2 ** 20); at += buffer.length) {
        source.read(at, buffer, 0, buffer.length);
      }
    } catch (error) {
      const isFitting =
        error instanceof ImageError || (error as Error).message === "no container was recognised";
      if (!isFitting) throw error;
    }
  }
  expect(opened).toBeGreaterThan(40);
});
