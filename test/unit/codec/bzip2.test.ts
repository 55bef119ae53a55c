/** bzip2 beyond what all codecs are asked (general.test.ts): the program's own output is the judge. */
import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { decodeBzip2 } from "../../../image-core/codec/bzip2.js";
import { mixedBytes, seeded } from "../../fixtures/dmg/random.js";
import { run } from "../../support/tools.js";
import { expectBounded, roundTrip } from "./harness.js";

const bzip2 = (plain: Uint8Array, level = 9) =>
  run("bzip2", [`-${level}c`], { stdio: "pipe", input: plain });

const random = seeded(11);
const randomBytes = (length: number, values = 256) =>
  Uint8Array.from({ length }, () => Math.floor(random() * values));

function repeated(length: number, period: number): Uint8Array {
  const pattern = randomBytes(period);
  return Uint8Array.from({ length }, (_, i) => pattern[i % period]);
}

function runsOf(length: number, run: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => Math.floor(i / run));
}

test.each([1, 2, 3, 4, 5, 6, 7, 8, 9])("every block size: -%i", (level) => {
  roundTrip(decodeBzip2, bzip2(mixedBytes(950_000, level), level), mixedBytes(950_000, level));
});

test.each([0, 1, 2, 3, 4, 5, 255, 256, 259, 511, 512, 513, 8191, 8192, 8193])(
  "%i bytes, random and equal",
  (length) => {
    for (const plain of [randomBytes(length), new Uint8Array(length), randomBytes(length, 2)]) {
      roundTrip(decodeBzip2, bzip2(plain), plain);
    }
  },
);

// Around 16, the end of a block has a number among those of the places that are near.
test.each([13, 14, 15, 16, 17, 18, 24, 25, 26, 256])("%i different bytes", (values) => {
  const plain = randomBytes(20_000, values);
  roundTrip(decodeBzip2, bzip2(plain), plain);
});

test.each([3, 4, 5, 6, 254, 255, 256, 258, 259, 260, 263, 518, 519])("runs of %i", (length) => {
  const plain = runsOf(100_000, length);
  roundTrip(decodeBzip2, bzip2(plain), plain);
});

// The transform of whole repetitions is several chains, of which only one leads through the origin.
test.each([1, 2, 3, 5, 100, 511, 512, 513, 4999, 70_000])("repetitions of %i bytes", (period) => {
  for (const length of [20, 2001].map((times) => Math.min(period * times, 140_000))) {
    const plain = repeated(length - (length % period), period);
    roundTrip(decodeBzip2, bzip2(plain), plain);
    const broken = repeated(length + 1, period);
    roundTrip(decodeBzip2, bzip2(broken), broken);
  }
});

test("zeros make the most of a block", () => {
  // 100 kB of a block stand for 5.2 MB.
  const plain = new Uint8Array(12_000_000);
  roundTrip(decodeBzip2, bzip2(plain, 1), plain);
});

test("a block that does not fit what its stream allows is an error", () => {
  const packed = bzip2(randomBytes(150_000), 2);
  packed[3] = "1".charCodeAt(0);
  expect(() => decodeBzip2(packed, new Uint8Array(150_000))).toThrow(/it is too long/);
  const zeros = bzip2(new Uint8Array(20_000_000), 9);
  zeros[3] = "1".charCodeAt(0);
  expect(() => decodeBzip2(zeros, new Uint8Array(20_000_000))).toThrow(/it is too long/);
});

test("what follows an error is decoded as ever", () => {
  const plain = mixedBytes(300_000, 3);
  const packed = bzip2(plain);
  for (let i = 0; i < 12; i++) {
    const damaged = Buffer.from(packed);
    damaged[Math.floor(random() * damaged.length)] ^= 1 << Math.floor(random() * 8);
    expectBounded(decodeBzip2, damaged, plain.length);
    roundTrip(decodeBzip2, packed, plain);
  }
});

test("headers of nonsense are errors", () => {
  const packed = bzip2(mixedBytes(3_000, 4));
  for (let i = 0; i < 3_000; i++) {
    const damaged = Buffer.from(packed);
    // Which bytes occur, the tables, which is used when: all lie here.
    for (let n = 0; n < 3; n++) damaged[14 + Math.floor(random() * 130)] = random() * 256;
    expectBounded(decodeBzip2, damaged, 3_000);
  }
});

test("randomised blocks of versions before 0.9.5", () => {
  // More than the sum of all distances, and more than the program withholds at an error.
  const long = randomBytes(320_000);
  const plain = long.subarray(0, 300_000);
  const flipped = bunzip2(randomise(bzip2(long), blockCrc(bzip2(long)))).subarray(0, plain.length);
  expect(flipped.length).toBe(plain.length);
  expect(Buffer.compare(flipped, plain)).not.toBe(0);

  const packed = randomise(bzip2(plain), blockCrc(bzip2(flipped)));
  expect(Buffer.compare(bunzip2(packed), flipped)).toBe(0);
  roundTrip(decodeBzip2, packed, flipped);
});

/** What the program writes before it complains, if it does. */
function bunzip2(packed: Uint8Array): Buffer {
  return spawnSync("bzip2", ["-dc"], { input: packed, maxBuffer: 1 << 26 }).stdout;
}

function blockCrc(packed: Uint8Array): bigint {
  return BigInt(Buffer.from(packed).readUInt32BE(10));
}

/** Marks the only block of a stream as randomised, and changes its CRC and the stream's. */
function randomise(packed: Uint8Array, crc: bigint): Buffer {
  const result = Buffer.from(packed);
  result[14] |= 0x80;
  const before = blockCrc(packed);
  result.writeUInt32BE(Number(crc), 10);
  // The stream's follows the block's data: it ends in the last byte, at any bit.
  const end = result.length - 8;
  const last = result.readBigUInt64BE(end);
  const shift = [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n].find(
    (bits) => ((last >> bits) & 0xffff_ffffn) === before,
  );
  if (shift === undefined) throw new Error("no stream CRC");
  result.writeBigUInt64BE(last ^ ((before ^ crc) << shift), end);
  return result;
}
