import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { BlockIv } from "../../../image-core/container/encrypted/block-iv.js";
import { ImageError } from "../../../image-core/errors.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import {
  type EncryptionOptions,
  encrypt,
  encryptBlocks,
  encryptionToken,
} from "../../fixtures/dmg/encrypted.js";
import { mixedBytes, seeded } from "../../fixtures/dmg/random.js";
import { buildUdif, plainDisk, SECTOR, zlibChunk } from "../../fixtures/dmg/udif.js";
import { contents, openLayers, openMedium, openOuter, passphrase } from "./open.js";

const secret = "geheim ✓";
const variants: EncryptionOptions[] = [1, 2].flatMap((version) =>
  [128, 256].flatMap((keyBits) =>
    [512, 4096, 48].map(
      (blockSize) => ({ version, keyBits, blockSize, passphrase: secret }) as EncryptionOptions,
    ),
  ),
);
const plain = mixedBytes(300_000 - (300_000 % 4096), 4);

test.each(variants)("version $version, AES-$keyBits, blocks of $blockSize", async (options) => {
  const { source } = await openMedium(
    new MemorySource(encrypt(plain, options)),
    passphrase(secret),
  );
  expect(source.size).toBe(plain.length);
  for (const piece of [1 << 20, 5000, 65536]) {
    expect(Buffer.compare(contents(source, piece), plain)).toBe(0);
  }
  // Backwards and apart: each group is decrypted behind another one than it follows.
  const random = seeded(3);
  const part = new Uint8Array(700);
  for (let i = 0; i < 50; i++) {
    const at = Math.floor(random() * plain.length);
    const got = source.read(at, part, 0, part.length);
    expect(Buffer.compare(part.subarray(0, got), plain.subarray(at, at + got))).toBe(0);
  }
});

test("a vector is the HMAC of the block's number", () => {
  for (const key of [Buffer.alloc(20, 7), Buffer.from("key"), Buffer.alloc(64, 0xfe)]) {
    const iv = new BlockIv(key);
    for (const number of [0, 1, 255, 65536, 0x7fffffff, 0xfffffffe]) {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(number);
      const words = new Int32Array(6).fill(-1);
      iv.xorInto(words, 1, number);
      const expected = createHmac("sha1", key).update(bytes).digest().subarray(0, 16);
      const got = Buffer.from(words.buffer, 4, 16).map((byte) => byte ^ 0xff);
      expect(Buffer.compare(got, expected)).toBe(0);
      expect([words[0], words[5]]).toEqual([-1, -1]);
    }
  }
});

test.each([1, 2] as const)("a wrong passphrase is refused (version %s)", async (version) => {
  const options = { version, keyBits: 128, blockSize: 512, passphrase: secret } as const;
  const image = new MemorySource(encrypt(plain.subarray(0, 4096), options));
  for (const wrong of ["", "Geheim ✓", "geheim", "x".repeat(10_000)]) {
    const error = await openMedium(image, passphrase(wrong)).catch((reason) => reason);
    expect(error).toBeInstanceOf(ImageError);
    expect(error.kind).toBe("wrong-passphrase");
    expect(error.message).toBe("encrypted-dmg: the passphrase does not open this image");
  }
  const error = await openMedium(image).catch((reason) => reason);
  expect(error.kind).toBe("encrypted");
});

test.each([128, 256] as const)(
  "keys wrapped by AES with a vector of 8 bytes, AES-%s",
  async (keyBits) => {
    const options = {
      version: 2,
      keyBits,
      blockSize: 512,
      passphrase: secret,
      wrap: "AES-192",
    } as const;
    const image = new MemorySource(encrypt(plain, options));
    const { source } = await openMedium(image, passphrase(secret));
    expect(Buffer.compare(contents(source), plain)).toBe(0);
    const error = await openMedium(image, passphrase("other")).catch((reason) => reason);
    expect(error.kind).toBe("wrong-passphrase");
  },
);

/** Doubles the key of a version 2 header; `edit` changes the first of the two. */
function twoKeys(edit: (header: Buffer, first: number) => void): (header: Buffer) => void {
  return (header) => {
    header.copy(header, 0x400, 0x60, 0x60 + 616);
    header.writeUInt32BE(2, 72);
    header.copyWithin(96, 76, 96);
    header.copy(header, 0x800, 0x400, 0x400 + 616);
    header.writeUInt32BE(0x400, 84);
    header.writeUInt32BE(0x800, 104);
    edit(header, 0x400);
  };
}

test.each<[string, (header: Buffer, first: number) => void]>([
  ["is wrapped by an unknown cipher", (h, first) => h.writeUInt32BE(99, first + 88)],
  ["is derived by an unknown function", (h, first) => h.writeUInt32BE(7, first + 4)],
  ["lies behind the header", (h) => h.writeUInt32BE(0x7fffffff, 84)],
  ["has a blob of odd length", (h, first) => h.writeUInt32BE(7, first + 100)],
  ["is a certificate's", (h) => h.writeUInt32BE(2, 76)],
  ["is another passphrase's", (h, first) => h.writeUInt32BE(0, first + 16)],
])("a first key that %s leaves the second", async (_, edit) => {
  const image = encrypt(plain, { ...variants[7], version: 2, edit: twoKeys(edit) });
  const { source } = await openMedium(new MemorySource(image), passphrase(secret));
  expect(Buffer.compare(contents(source), plain)).toBe(0);
});

test("the iterations of all keys together are bounded", async () => {
  const edit = twoKeys((header) => {
    header.writeUInt32BE(25_000_001, 0x408);
    header.writeUInt32BE(25_000_001, 0x808);
  });
  const image = encrypt(plain.subarray(0, 4096), { ...variants[7], version: 2, edit });
  const error = await openMedium(new MemorySource(image), passphrase(secret)).catch((e) => e);
  expect(error.message).toMatch(/50000002 iterations/);
});

test("the passphrase is wiped", async () => {
  const image = encrypt(plain.subarray(0, 4096), variants[0]);
  const given = new Uint8Array(Buffer.from(secret));
  await openMedium(new MemorySource(image), { passphrase: () => given });
  expect(given.every((byte) => byte === 0)).toBe(true);
});

test("UDIF inside, and an encrypted image inside UDIF", async () => {
  const partitions = [{ sector: 0, chunks: [zlibChunk(mixedBytes(20 * SECTOR, 9))] }];
  const udif = buildUdif(partitions);
  const outside = await openLayers(
    new MemorySource(encrypt(udif, variants[7])),
    passphrase(secret),
  );
  expect(outside.map(({ id }) => id)).toEqual(["encrypted-dmg", "udif"]);
  const disk = plainDisk(partitions);
  expect(Buffer.compare(contents(outside[1].medium.source), disk)).toBe(0);

  const encrypted = encrypt(disk, { ...variants[7], version: 2 });
  const inside = await openLayers(
    new MemorySource(buildUdif([{ sector: 0, chunks: [zlibChunk(encrypted)] }])),
    passphrase(secret),
  );
  expect(inside.map(({ id }) => id)).toEqual(["udif", "encrypted-dmg"]);
  expect(Buffer.compare(contents(inside[1].medium.source), disk)).toBe(0);
});

const refused: [string, RegExp, 1 | 2, (header: Buffer) => void][] = [
  ["iterations without end", /limit|granted/, 2, (h) => h.writeUInt32BE(0xffffffff, 0x68)],
  ["iterations without end", /granted/, 1, (h) => h.writeUInt32BE(50_000_001, 0x30)],
  ["no iterations", /0 iterations/, 2, (h) => h.writeUInt32BE(0, 0x68)],
  ["a certificate only", /certificate's private key only/, 2, (h) => h.writeUInt32BE(2, 76)],
  ["a baseband key only", /baseband key only/, 2, (h) => h.writeUInt32BE(3, 76)],
  ["a key of unknown type only", /key type 9 only/, 2, (h) => h.writeUInt32BE(9, 76)],
  ["a million keys", /1000000 keys/, 2, (h) => h.writeUInt32BE(1_000_000, 72)],
  ["a key behind the end", /behind the header/, 2, (h) => h.writeUInt32BE(0x7fffffff, 84)],
  ["a long salt", /room for 32/, 2, (h) => h.writeUInt32BE(33, 0x6c)],
  ["a long salt", /room for 32/, 1, (h) => h.writeUInt32BE(33, 0x34)],
  ["a long key blob", /key blob/, 2, (h) => h.writeUInt32BE(1 << 30, 0x60 + 100)],
  ["a key blob of 7 bytes", /wrapped key/, 2, (h) => h.writeUInt32BE(7, 0x60 + 100)],
  ["blocks of 0 bytes", /blocks of 0/, 2, (h) => h.writeUInt32BE(0, 52)],
  ["blocks of 8 bytes", /blocks of 8/, 1, (h) => h.writeUInt32BE(8, 0x10)],
  ["another cipher", /cipher 0x11/, 2, (h) => h.writeUInt32BE(17, 20)],
  ["another derivation", /key derivation 1/, 2, (h) => h.writeUInt32BE(1, 0x60)],
  ["AES of 192 bits", /192/, 2, (h) => h.writeUInt32BE(192, 24)],
  ["another version", /version 3/, 2, (h) => h.writeUInt32BE(3, 8)],
  ["a size beyond 2^53", /2\^53/, 2, (h) => h.writeUInt32BE(0xffffffff, 56)],
];
test.each(refused)("%s is refused (%s, version %s)", async (_, message, version, edit) => {
  const options = { version, keyBits: 128, blockSize: 512, passphrase: secret, edit } as const;
  const image = encrypt(plain.subarray(0, 4096), options);
  const started = performance.now();
  const error = await openMedium(new MemorySource(image), passphrase(secret)).catch((e) => e);
  expect(error).toBeInstanceOf(ImageError);
  expect(error.message).toMatch(message);
  expect(performance.now() - started).toBeLessThan(2000);
});

test("more data than there are is an error where it is missing", async () => {
  const image = encrypt(plain, { ...variants[6], edit: (header) => header.writeUInt32BE(1, 56) });
  const medium = await openOuter(new MemorySource(image), passphrase(secret));
  expect(medium.warnings).toHaveLength(1);
  const bytes = new Uint8Array(1000);
  medium.source.read(0, bytes, 0, 1000);
  expect(Buffer.compare(bytes, plain.subarray(0, 1000))).toBe(0);
  expect(() => medium.source.read(2 ** 31, bytes, 0, 1000)).toThrow(/got 0 of/);
});

test("sparse bundle: bands by block numbers of the disk; what is missing is zeros", async () => {
  const bandSize = 16 * 4096;
  const size = 5 * bandSize + 4096;
  const disk = mixedBytes(size, 6);
  disk.fill(0, bandSize, 2 * bandSize);
  disk.fill(0, 3 * bandSize + 8192, 4 * bandSize);
  for (const options of [variants[1], variants[10]]) {
    const bands = new Map<string, Uint8Array>();
    for (let at = 0, number = 0; at < size; at += bandSize, number++) {
      if (number === 1) continue;
      const part = disk.subarray(at, number === 3 ? at + 8192 : at + bandSize);
      bands.set(`bands/${number.toString(16)}`, encryptBlocks(part, at, options));
    }
    bands.set("token", encryptionToken(0, options));
    const info = `<?xml version="1.0"?><plist version="1.0"><dict>
      <key>band-size</key><integer>${bandSize}</integer><key>size</key><integer>${size}</integer>
      <key>diskimage-bundle-type</key><string>com.apple.diskimage.sparsebundle</string>
      </dict></plist>`;
    const { source } = await openMedium(new MemorySource(Buffer.from(info)), {
      ...passphrase(secret),
      neighbourNames: (folder) =>
        folder === "bands" ? ["0", "2", "3", "4", "5"] : ["Info.plist", "token", "bands"],
      neighbour: (path) => new MemorySource(bands.get(path) ?? new Uint8Array(0)),
    });
    expect(Buffer.compare(contents(source), disk)).toBe(0);
  }
});

test("mutations of headers: bytes or an ImageError", async () => {
  const random = seeded(12);
  const buffer = new Uint8Array(4096);
  for (const version of [1, 2] as const) {
    const options = { ...variants[1], version };
    const image = encrypt(plain.subarray(0, 8192), options);
    const header = version === 1 ? image.length - 1276 : 0;
    for (let i = 0; i < 300; i++) {
      const damaged = Buffer.from(image);
      const at = header + Math.floor(random() * (version === 1 ? 1276 : 0x100));
      // Iteration counts stay small: their bound is tested above, their cost is the user's to bear.
      const field = at - header;
      const iterations = version === 1 ? 0x30 : 0x68;
      if (field >= iterations && field < iterations + 4) continue;
      damaged[at] ^= 1 << Math.floor(random() * 8);
      try {
        const { source } = await openMedium(new MemorySource(damaged), passphrase(secret));
        for (let from = 0; from < Math.min(source.size, 65536); from += buffer.length) {
          source.read(from, buffer, 0, buffer.length);
        }
      } catch (error) {
        const isFitting =
          error instanceof ImageError || (error as Error).message === "no container was recognised";
        if (!isFitting) throw error;
      }
    }
  }
});
