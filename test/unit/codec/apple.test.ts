import { expect, test } from "vitest";
import { decodeAdc } from "../../../image-core/codec/adc.js";
import { decodeLzbitmap } from "../../../image-core/codec/lzbitmap.js";
import { decodeLzfse } from "../../../image-core/codec/lzfse.js";
import { decodeLzvn } from "../../../image-core/codec/lzvn.js";
import { encodeAdc, encodeLzbitmap, encodeLzvn } from "../../fixtures/dmg/encoders.js";
import { encodeLzfse } from "../../fixtures/dmg/lzfse-encoder.js";
import { mixedBytes } from "../../fixtures/dmg/random.js";
import { expectBounded, roundTrip } from "./harness.js";

const samples = [0, 1, 7, 100, 5000, 70_000, 200_000].map((size, i) => mixedBytes(size, i));

test.each(samples)("ADC gives back what was encoded (%#)", (plain) => {
  roundTrip(decodeAdc, encodeAdc(plain), plain);
});

test.each(samples)("LZVN gives back what was encoded (%#)", (plain) => {
  roundTrip(decodeLzvn, encodeLzvn(plain), plain);
});

test.each(samples)("LZBITMAP gives back what was encoded (%#)", (plain) => {
  roundTrip(decodeLzbitmap, encodeLzbitmap(plain, plain.length), plain);
});

test.each(samples.slice(0, 6))("LZFSE gives back what was encoded (%#)", (plain) => {
  roundTrip(decodeLzfse, encodeLzfse(plain, ["bvx2"]), plain);
  roundTrip(decodeLzfse, encodeLzfse(plain, ["bvx1"]), plain);
  roundTrip(decodeLzfse, encodeLzfse(plain, ["bvx2", "bvxn", "bvx-", "bvx1"]), plain);
});

test("LZFSE: large streams, whose memory is given back, and small ones after them", () => {
  const large = Buffer.concat([Buffer.alloc(13_000_000, "stored"), samples[4]]);
  const packed = encodeLzfse(large, [...new Array<"bvx-">(792).fill("bvx-"), "bvx2", "bvx1"]);
  for (let i = 0; i < 2; i++) {
    roundTrip(decodeLzfse, packed, large);
    roundTrip(decodeLzfse, encodeLzfse(samples[3], ["bvx2"]), samples[3]);
  }
});

test("decoding stops where the output is full", () => {
  const plain = samples[3];
  expect(decodeAdc(encodeAdc(plain), new Uint8Array(plain.length))).toBe(plain.length);
  for (const [decode, packed] of [
    [decodeAdc, encodeAdc(plain)],
    [decodeLzvn, encodeLzvn(plain)],
    [decodeLzbitmap, encodeLzbitmap(plain, 1)],
    [decodeLzfse, encodeLzfse(plain, ["bvx2"])],
  ] as const) {
    expectBounded(decode, packed, plain.length - 1);
  }
});

const packed = mixedBytes(20_000, 9);
test.each([
  ["ADC", decodeAdc, encodeAdc(packed)],
  ["LZVN", decodeLzvn, encodeLzvn(packed)],
  ["LZBITMAP", decodeLzbitmap, encodeLzbitmap(packed, 3)],
  ["LZFSE bvx2", decodeLzfse, encodeLzfse(packed, ["bvx2"])],
  ["LZFSE bvx1", decodeLzfse, encodeLzfse(packed, ["bvx1"])],
  ["LZFSE bvxn", decodeLzfse, encodeLzfse(packed, ["bvxn"])],
] as const)(
  "%s: damage ends in an ImageError or other bytes, within the output",
  (_, decode, input) => {
    damage(input, (damaged) => expectBounded(decode, damaged, packed.length));
  },
);

function damage(input: Uint8Array, use: (damaged: Uint8Array) => void): void {
  const noise = mixedBytes(4096, 77);
  for (let i = 0; i < 250; i++) {
    const damaged = input.slice();
    for (let j = 0; j <= i % 4; j++) {
      const word = noise[i * 7 + j] | (noise[i * 7 + j + 1] << 8);
      // Half of them in the header.
      const at = (j & 1) === 0 ? word % Math.min(64, damaged.length) : word % damaged.length;
      damaged[at] ^= 1 << (noise[i + j] & 7);
    }
    use(i % 5 === 0 ? damaged.subarray(0, noise[i] * 40) : damaged);
  }
}
