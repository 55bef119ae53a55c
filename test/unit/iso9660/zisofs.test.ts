/** zisofs beyond what xorriso writes: every block size, holes, and headers that lie. */
import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { S_IFDIR, S_IFREG } from "../../../image-core/filesystem/volume.js";
import { buildIso, file, folder } from "../../fixtures/iso9660/iso-builder.js";
import * as su from "../../fixtures/iso9660/susp-entries.js";
import { attributesAt, contentsAt, nodeAt, volumeOf } from "./volume-of.js";

const MAGIC_1 = [0x37, 0xe4, 0x53, 0x96, 0xc9, 0xdb, 0xd6, 0x07];
const MAGIC_2 = [0xef, 0x22, 0x55, 0xa1, 0xbc, 0x1b, 0x95, 0xa0];

/** Blocks of zeros are left out, as the format wants it. */
function compress(data: Buffer, bits: number, version: 1 | 2): Buffer {
  const size = 2 ** bits;
  const blocks: Buffer[] = [];
  for (let at = 0; at < data.length; at += size) {
    const block = data.subarray(at, at + size);
    blocks.push(block.every((byte) => byte === 0) ? Buffer.alloc(0) : deflateSync(block));
  }
  const header =
    version === 1
      ? Buffer.from([...MAGIC_1, ...su.le32(data.length), 4, bits, 0, 0])
      : Buffer.from([...MAGIC_2, 0, 6, 1, bits, ...su.le32(data.length), ...Array(8).fill(0)]);
  const width = version === 1 ? 4 : 8;
  const pointers = Buffer.alloc((blocks.length + 1) * width);
  let next = header.length + pointers.length;
  pointers.writeUInt32LE(next, 0);
  blocks.forEach((block, i) => {
    next += block.length;
    pointers.writeUInt32LE(next, (i + 1) * width);
  });
  return Buffer.concat([header, pointers, ...blocks]);
}

function volumeWith(stored: Buffer, entry: Uint8Array) {
  const systemUse = () => [su.px(S_IFREG | 0o644), su.nm("file"), entry];
  const dot = () => [su.sp(), su.px(S_IFDIR | 0o755), su.er("RRIP_1991A")];
  return volumeOf(buildIso(folder("", [file("F.;1", stored, { systemUse })], { dot })));
}

const data = Buffer.alloc(500_001);
for (let i = 0; i < data.length; i++) {
  // Some blocks of every size are zeros.
  data[i] = i >= 131_072 && i < 393_216 ? 0 : (i * 31 + (i >> 9)) & 255;
}

describe("zisofs", () => {
  it.each([
    [1, 15],
    [1, 16],
    [1, 17],
    [2, 15],
    [2, 17],
  ] as [1 | 2, number][])("version %i with blocks of 2^%i bytes", (version, bits) => {
    const stored = compress(data, bits, version);
    const volume = volumeWith(stored, su.zf(version === 1 ? "pz" : "PZ", bits, data.length));
    expect(attributesAt(volume, "/file").size).toBe(data.length);
    for (const step of [10_007, 131_072, 1 << 20]) {
      expect(contentsAt(volume, "/file", step).equals(data)).toBe(true);
    }
    const range = { fd: 0, position: 0, length: 0 };
    expect(volume.locate?.(nodeAt(volume, "/file"), 0, 100, range)).toBe(false);
  });

  const spoiled: [string, (stored: Buffer) => unknown, RegExp][] = [
    ["no magic", (b) => b.fill(0, 0, 8), /does not begin with a zisofs header/],
    ["an unbelievable block size", (b) => b.writeUInt8(40, 13), /blocks of 2\^40/],
    ["another size", (b) => b.writeUInt32LE(7, 8), /the header says 7 bytes/],
    ["pointers that go back", (b) => b.writeUInt32LE(1, 20), /block 0 from/],
    ["pointers behind the end", (b) => b.writeUInt32LE(0x7fffffff, 20), /block 0 from/],
    ["data that is not deflated", (b) => b.fill(0xff, 300, 400), /block 0: /],
  ];
  it.each(spoiled)("refuses %s", (_, spoil, message) => {
    const stored = compress(data.subarray(0, 100_000), 15, 1);
    spoil(stored);
    const volume = volumeWith(stored, su.zf("pz", 15, 100_000));
    expect(() => contentsAt(volume, "/file")).toThrow(message);
    expect(attributesAt(volume, "/file").size).toBe(100_000);
  });

  it("does not inflate more than a block, however much is promised", () => {
    const bomb = deflateSync(Buffer.alloc(1 << 24, 1));
    const head = [...MAGIC_1, ...su.le32(32_768), 4, 15, 0, 0];
    const pointers = [...su.le32(24), ...su.le32(24 + bomb.length)];
    const volume = volumeWith(
      Buffer.concat([Buffer.from([...head, ...pointers]), bomb]),
      su.zf("pz", 15, 32_768),
    );
    expect(() => contentsAt(volume, "/file")).toThrow(/block 0: /);
  });

  it("names an algorithm that it does not know", () => {
    const entry = su.zf("pz", 15, 1000);
    entry.set(Buffer.from("XZ"), 4);
    const volume = volumeWith(compress(data.subarray(0, 1000), 15, 1), entry);
    expect(() => contentsAt(volume, "/file")).toThrow(/compressed by "XZ"/);
  });
});
