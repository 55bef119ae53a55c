import { deflateSync } from "node:zlib";
import { expect, test } from "vitest";
import { decodeBzip2 } from "../../../image-core/codec/bzip2.js";
import { decodeXz } from "../../../image-core/codec/xz.js";
import { decodeZlib } from "../../../image-core/codec/zlib.js";
import { mixedBytes, seeded } from "../../fixtures/dmg/random.js";
import { run } from "../../support/tools.js";
import { expectBounded, roundTrip } from "./harness.js";

const pipe = { stdio: "pipe" } as const;
const bzip2 = (bytes: Uint8Array, level = 9) =>
  run("bzip2", [`-${level}c`], { ...pipe, input: bytes });
const xz = (bytes: Uint8Array, ...options: string[]) =>
  run("xz", ["-c", ...options], { ...pipe, input: bytes });

const samples = [
  new Uint8Array(0),
  Uint8Array.of(42),
  new Uint8Array(1_000_000),
  mixedBytes(50_000, 1),
  mixedBytes(500_000, 2),
  // Runs of 4 to 259 equal bytes are what bzip2's first run-length coding is about.
  Uint8Array.from({ length: 30_000 }, (_, i) => Math.floor(i / 260) + (i % 5 === 4 ? 1 : 0)),
  Buffer.concat([3, 4, 5, 255, 259, 260].map((n) => Buffer.alloc(n, n & 0xff))),
];

test.each(samples)("zlib gives back what was encoded (%#)", (plain) => {
  roundTrip(decodeZlib, deflateSync(plain), plain);
});

test.each(samples)("bzip2 gives back what the bzip2 program encoded (%#)", (plain) => {
  roundTrip(decodeBzip2, bzip2(plain), plain);
  roundTrip(decodeBzip2, bzip2(plain, 1), plain);
});

test.each(samples)("xz gives back what the xz program encoded (%#)", (plain) => {
  roundTrip(decodeXz, xz(plain), plain);
  roundTrip(decodeXz, xz(plain, "-C", "crc32", "-0"), plain);
  roundTrip(decodeXz, xz(plain, "-C", "sha256", "--block-size=100000", "-T2"), plain);
  roundTrip(decodeXz, xz(plain, "-C", "none", "--lzma2=lc=0,lp=4,pb=4,dict=64KiB"), plain);
  roundTrip(decodeXz, xz(plain, "--lzma2=lc=4,lp=0,pb=0,mf=bt2,nice=273"), plain);
});

test.each(["-0", "-1", "-3", "-6", "-9", "-4e", "-9e"])(
  "xz gives back what the xz program encoded at %s",
  (level) => {
    for (const plain of samples.slice(2)) roundTrip(decodeXz, xz(plain, level), plain);
  },
);

test("xz reads every number of literal context, literal position and position bits", () => {
  for (let lc = 0; lc <= 4; lc++) {
    for (let lp = 0; lc + lp <= 4; lp++) {
      for (const pb of [0, 2, 4]) {
        roundTrip(decodeXz, xz(samples[3], `--lzma2=lc=${lc},lp=${lp},pb=${pb}`), samples[3]);
      }
    }
  }
});

test("xz: large streams, whose memory is given back, and small ones after them", () => {
  // Bytes that do not shrink, so that chunks are stored, and again 13 MB further on.
  const noise = mixedBytes(300_000, 11);
  const large = Buffer.concat([noise, Buffer.alloc(13_000_000, "far away "), noise]);
  const packed = xz(large, "--lzma2=preset=1,dict=32MiB");
  expect(packed.length).toBeLessThan(1.5 * xz(noise, "-1").length);
  for (let i = 0; i < 2; i++) {
    roundTrip(decodeXz, packed, large);
    roundTrip(decodeXz, xz(samples[4], "-0"), samples[4]);
  }
});

test("xz: matches that overlap themselves at every distance", () => {
  const random = seeded(8);
  const pieces: Uint8Array[] = [];
  for (let distance = 1; distance <= 40; distance++) {
    const unit = Uint8Array.from({ length: distance }, () => random() * 256);
    for (const length of [2, 7, 8, 9, 31, 273, 1000]) {
      const piece = new Uint8Array(distance + length);
      for (let i = 0; i < piece.length; i++) piece[i] = unit[i % distance];
      pieces.push(piece);
    }
  }
  const plain = Buffer.concat(pieces);
  roundTrip(decodeXz, xz(plain, "-9e"), plain);
  for (let room = plain.length - 20; room < plain.length; room++) {
    roundTrip(decodeXz, xz(plain.subarray(0, room), "-1"), plain.subarray(0, room));
  }
});

test("xz names a filter that it does not read", () => {
  const packed = xz(samples[3], "--x86", "--lzma2");
  expect(() => decodeXz(packed, new Uint8Array(50_000))).toThrow(/chain of 2 filters/);
});

test.each([
  ["zlib", decodeZlib, deflateSync(samples[3])],
  ["bzip2", decodeBzip2, bzip2(samples[3])],
  ["xz", decodeXz, xz(samples[3])],
] as const)("%s: one byte too little room is an error", (_, decode, packed) => {
  expect(() => decode(packed, new Uint8Array(samples[3].length - 1))).toThrow(/room|more than/);
});

test.each([
  ["zlib", decodeZlib, deflateSync(samples[3])],
  ["bzip2", decodeBzip2, bzip2(samples[3])],
  ["xz", decodeXz, xz(samples[3])],
] as const)("%s: a damaged stream never decodes to other bytes unnoticed", (_, decode, packed) => {
  const random = seeded(5);
  const plain = Buffer.from(samples[3]);
  for (let i = 0; i < 150; i++) {
    const damaged = Buffer.from(packed);
    damaged[Math.floor(random() * damaged.length)] ^= 1 << Math.floor(random() * 8);
    const output = new Uint8Array(plain.length);
    expectBounded(
      (input, room) => {
        const produced = decode(input, room);
        output.set(room);
        // A flipped bit in padding, or in what the format does not check, changes nothing.
        expect(Buffer.compare(output.subarray(0, produced), plain)).toBe(0);
        return produced;
      },
      damaged,
      plain.length,
    );
  }
});

test.each([
  ["zlib", decodeZlib, deflateSync(samples[3])],
  ["bzip2", decodeBzip2, bzip2(samples[3])],
  ["xz", decodeXz, xz(samples[3])],
] as const)("%s: a stream cut short is an error", (_, decode, packed) => {
  for (const length of [0, 1, 5, 13, 40, packed.length >> 1, packed.length - 40]) {
    const cut = packed.subarray(0, length);
    expect(() => decode(cut, new Uint8Array(samples[3].length))).toThrow(/^(zlib|bzip2|xz|lzma): /);
  }
});

test("a decompression bomb stops at the room there is", () => {
  const bomb = deflateSync(new Uint8Array(50_000_000));
  expect(() => decodeZlib(bomb, new Uint8Array(1000))).toThrow(/more than the 1000 bytes/);
  const room = new Uint8Array(1000);
  expect(() => decodeBzip2(bzip2(new Uint8Array(5_000_000)), room)).toThrow(/more than 1000/);
  expect(() => decodeXz(xz(new Uint8Array(5_000_000)), room)).toThrow(/room/);
});
