import { expect, test } from "vitest";
import { ImageError } from "../../../image-core/errors.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { encodeAdc } from "../../fixtures/dmg/encoders.js";
import { mixedBytes, seeded } from "../../fixtures/dmg/random.js";
import {
  appleFile,
  buildDiskCopy42,
  buildNdif,
  buildTwoImg,
  macBinary,
  type NdifChunk,
} from "../../fixtures/dmg/sparse.js";
import { SECTOR } from "../../fixtures/dmg/udif.js";
import { contents, findings, openLayers, openMedium } from "./open.js";

const first = mixedBytes(100 * SECTOR, 1);
const second = mixedBytes(60 * SECTOR, 2);
const chunks: NdifChunk[] = [
  { type: 0x83, sectors: 100, stored: encodeAdc(first) },
  { type: 0x00, sectors: 30, stored: new Uint8Array(0) },
  { type: 0x02, sectors: 60, stored: second },
  { type: 0x83, sectors: 100, stored: encodeAdc(first) },
];
const disk = Buffer.concat([first, Buffer.alloc(30 * SECTOR), second, first]);

test("NDIF in MacBinary, AppleSingle and AppleDouble", async () => {
  const { data, resource } = buildNdif(chunks);
  const wrapped: [string, Uint8Array][] = [
    ["MacBinary", macBinary(data, resource)],
    ["AppleSingle", appleFile(resource, data)],
    ["AppleDouble", appleFile(resource)],
  ];
  for (const [wrapper, image] of wrapped) {
    const [layer] = await openLayers(new MemorySource(image), {
      name: "._disk.img",
      neighbour: (name) => new MemorySource(name === "disk.img" ? data : new Uint8Array(0)),
    });
    expect(layer.id).toBe("ndif");
    expect(layer.medium.details).toMatchObject({ wrapper, compression: "ADC", sectors: 290 });
    expect(Buffer.compare(contents(layer.medium.source, 5000), disk)).toBe(0);
  }
});

test.each([
  ["KenCode", /compression KenCode/, (bcem: Buffer) => bcem.writeUInt8(0x80, 131)],
  ["an unknown chunk", /unknown type 0x44/, (bcem: Buffer) => bcem.writeUInt8(0x44, 131)],
  ["segments", /several segments/, (bcem: Buffer) => bcem.writeUInt32BE(1, 84)],
  ["encryption", /ShrinkWrap/, (bcem: Buffer) => bcem.writeUInt32BE(1, 116)],
  ["chunks without end", /room for 5/, (bcem: Buffer) => bcem.writeUInt32BE(1 << 30, 124)],
  ["chunks out of order", /spans/, (bcem: Buffer) => bcem.writeUIntBE(0xffffff, 128, 3)],
  ["a raw chunk of another length", /raw/, (bcem: Buffer) => bcem.writeUInt32BE(5, 128 + 32)],
])("NDIF: %s is refused by name", async (_, message, edit) => {
  const { data, resource } = buildNdif(chunks, edit);
  const error = await openMedium(new MemorySource(macBinary(data, resource))).catch((e) => e);
  expect(error).toBeInstanceOf(ImageError);
  expect(error.message).toMatch(message);
});

test("a MacBinary without block table is no NDIF image", async () => {
  const image = macBinary(mixedBytes(5000, 1), mixedBytes(3000, 2));
  expect(await openLayers(new MemorySource(image))).toEqual([]);
});

test("Disk Copy 4.2, bare and in MacBinary", async () => {
  const image = buildDiskCopy42(first, mixedBytes(1200, 3));
  for (const file of [
    image,
    macBinary(image, new Uint8Array(0)),
    macBinary(image, Buffer.alloc(300)),
  ]) {
    const [layer] = await openLayers(new MemorySource(file));
    expect(layer.id).toBe("diskcopy42");
    expect(Buffer.compare(contents(layer.medium.source), first)).toBe(0);
    expect(findings(layer.medium)).toEqual([]);
  }
  const untagged = buildDiskCopy42(first, new Uint8Array(0));
  expect(findings(await openMedium(new MemorySource(untagged)))).toEqual([]);
});

test.each([
  ["cut off", (_: Buffer) => {}],
  ["of another number of sectors", (image: Buffer) => image.writeUInt32BE(24, 68)],
])("Disk Copy 4.2 with tags %s: its data", async (_, edit) => {
  const image = buildDiskCopy42(first, mixedBytes(1200, 3)).subarray(0, 84 + first.length);
  edit(image);
  const medium = await openMedium(new MemorySource(image));
  expect(Buffer.compare(contents(medium.source), first)).toBe(0);
  expect(findings(medium)).toEqual([]);
});

test("Disk Copy 4.2: verify tells data from tags", async () => {
  const data = buildDiskCopy42(first, mixedBytes(1200, 3));
  data[1000] ^= 1;
  expect(findings(await openMedium(new MemorySource(data)))).toEqual([
    expect.stringMatching(/^data at 0x54, 51200 bytes: checksum 0x\w+ instead of 0x\w+$/),
  ]);
  const tags = buildDiskCopy42(first, mixedBytes(1200, 3));
  tags[tags.length - 1] ^= 1;
  expect(findings(await openMedium(new MemorySource(tags)))).toEqual([
    expect.stringMatching(/^tags at /),
  ]);
});

test.each([
  ["data past the end", (image: Buffer) => image.writeUInt32BE(1 << 30, 64)],
  ["half a sector", (image: Buffer) => image.writeUInt32BE(100, 64)],
  ["tags of another number of sectors", (image: Buffer) => image.writeUInt32BE(24, 68)],
  ["a name of 64 letters", (image: Buffer) => image.writeUInt8(64, 0)],
])("Disk Copy 4.2: %s is not recognised", async (_, edit) => {
  const image = buildDiskCopy42(first, mixedBytes(1200, 3));
  edit(image);
  expect(await openLayers(new MemorySource(image))).toEqual([]);
});

test("2IMG in ProDOS order", async () => {
  for (const hasLength of [true, false]) {
    const medium = await openMedium(new MemorySource(buildTwoImg(first, 1, hasLength)));
    expect(Buffer.compare(contents(medium.source), first)).toBe(0);
  }
  await expect(openMedium(new MemorySource(buildTwoImg(first, 0)))).rejects.toThrow(/DOS 3.3/);
  await expect(openMedium(new MemorySource(buildTwoImg(first, 2)))).rejects.toThrow(/nibble/);
  const short = buildTwoImg(first, 1);
  short.writeUInt32LE(1 << 30, 24);
  await expect(openMedium(new MemorySource(short))).rejects.toThrow(/in an image of/);
  const long = buildTwoImg(first, 1);
  long.writeUInt32LE(first.length + 4096, 28);
  const medium = await openMedium(new MemorySource(long.subarray(0, 64 + first.length)));
  expect(Buffer.compare(contents(medium.source), first)).toBe(0);
  expect(medium.warnings).toEqual([expect.stringMatching(/55296 bytes of data, there are 51200/)]);
});

test("mutations of NDIF: bytes or an ImageError", async () => {
  const { data, resource } = buildNdif(chunks);
  const image = macBinary(data, resource);
  const forkStart = 128 + Math.ceil(data.length / 128) * 128;
  const random = seeded(8);
  for (let i = 0; i < 300; i++) {
    const damaged = Buffer.from(image);
    const from = i % 3 === 0 ? 60 : forkStart;
    const room = i % 3 === 0 ? 68 : resource.length;
    damaged[from + Math.floor(random() * room)] ^= 1 << Math.floor(random() * 8);
    try {
      const [layer] = await openLayers(new MemorySource(damaged));
      if (layer !== undefined) {
        const part = new Uint8Array(1 << 18);
        layer.medium.source.read(0, part, 0, part.length);
      }
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
    }
  }
});
