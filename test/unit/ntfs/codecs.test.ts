/** XPRESS and LZX against wimlib, LZNT1 by hand; all three against garbage. */
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decodeLznt1 } from "../../../image-core/codec/lznt1.js";
import { decodeLzx } from "../../../image-core/codec/lzx.js";
import { decodeXpress } from "../../../image-core/codec/xpress.js";
import { ImageError } from "../../../image-core/errors.js";
import { noise } from "../../fixtures/ext/images.js";
import { packedByWimlib, type WimResource } from "../../fixtures/ntfs/wim.js";
import { scratch } from "../../support/tools.js";

const folder = scratch("codecs");
const tree = join(folder, "tree");
mkdirSync(tree);
// x86 code, whose calls LZX translates.
copyFileSync("/bin/sh", join(tree, "code"));
writeFileSync(join(tree, "text"), Array.from({ length: 40_000 }, (_, i) => `line ${i}`).join("\n"));
writeFileSync(join(tree, "zeros"), new Uint8Array(100_001));
writeFileSync(
  join(tree, "mixed"),
  Buffer.concat([
    noise(50_000, "m"),
    Buffer.alloc(70_000, "ab"),
    noise(1000, "m"),
    noise(1000, "m"),
  ]),
);
writeFileSync(join(tree, "short"), "abcabcabcabcabcabcabcabcabcabcabcabc");

type Decode = (input: Uint8Array, output: Uint8Array) => number;

function unpack({ size, bytes }: WimResource, chunkSize: number, decode: Decode): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const chunks = Math.ceil(size / chunkSize);
  const table = 4 * (chunks - 1);
  const hash = createHash("sha1");
  for (let chunk = 0; chunk < chunks; chunk++) {
    const start = table + (chunk === 0 ? 0 : view.getUint32(4 * (chunk - 1), true));
    const end = chunk === chunks - 1 ? bytes.length : table + view.getUint32(4 * chunk, true);
    const output = new Uint8Array(Math.min(chunkSize, size - chunk * chunkSize));
    const packed = bytes.subarray(start, end);
    if (packed.length === output.length) output.set(packed);
    else expect(decode(packed, output)).toBe(output.length);
    hash.update(output);
  }
  return hash.digest("hex");
}

for (const [compression, chunkSize, decode] of [
  ["XPRESS", 4096, decodeXpress],
  ["XPRESS", 8192, decodeXpress],
  ["XPRESS", 16384, decodeXpress],
  ["LZX", 32768, decodeLzx],
] as const) {
  describe(`${compression}, chunks of ${chunkSize}`, () => {
    const resources = packedByWimlib(tree, folder, compression, chunkSize);

    test("what wimlib packed", () => {
      expect(resources.length).toBeGreaterThanOrEqual(4);
      for (const resource of resources)
        expect(unpack(resource, chunkSize, decode)).toBe(resource.sha1);
    });

    test("damage ends in ImageError or other bytes, never outside", () => {
      const [{ bytes, size }] = resources;
      const start = 4 * (Math.ceil(size / chunkSize) - 1);
      const packed = bytes.slice(start, start + chunkSize);
      mutate(packed, (input) => decode(input, new Uint8Array(chunkSize)));
    });
  });
}

/** Its real test is ntfs-3g's compressed files; these are the format's corners. */
test("LZNT1", () => {
  const stored = Buffer.concat([
    Buffer.from([0x02, 0x30]),
    Buffer.from("abc"),
    Buffer.from([0, 0]),
  ]);
  const output = new Uint8Array(10);
  expect(decodeLznt1(stored, output)).toBe(10);
  expect(Buffer.from(output).toString("latin1")).toBe("abc\0\0\0\0\0\0\0");
  // `a`, then 9 bytes from one back.
  const run = Uint8Array.from([0x03, 0xb0, 0b10, 0x61, 0x06, 0x00]);
  expect(decodeLznt1(run, output)).toBe(10);
  expect(Buffer.from(output).toString()).toBe("aaaaaaaaaa");
  const before = Uint8Array.from([0x03, 0xb0, 0b10, 0x61, 0x06, 0x10]);
  expect(() => decodeLznt1(before, output)).toThrow(/reference 2 bytes back from 1/);
  expect(() => decodeLznt1(run.subarray(0, 5), output)).toThrow(/chunk of 4 bytes is cut off/);
  expect(decodeLznt1(new Uint8Array(2), output)).toBe(0);
  const random = noise(20_000, "lznt1");
  mutate(random, (input) => decodeLznt1(input, new Uint8Array(65536)));
});

function mutate(input: Uint8Array, decode: (input: Uint8Array) => unknown): void {
  let state = 99;
  const next = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  for (let round = 0; round < 300; round++) {
    const broken = input.slice(0, 1 + next(input.length));
    for (let i = 0; i < 5; i++) broken[next(broken.length)] = next(256);
    if (round % 3 === 0)
      broken.set(noise(Math.min(64, broken.length), `${round}`).subarray(0, broken.length));
    try {
      decode(broken);
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
    }
  }
}
