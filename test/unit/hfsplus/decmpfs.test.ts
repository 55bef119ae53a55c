import { describe, expect, it } from "vitest";
import {
  DecmpfsSource,
  decodeDecmpfsHeader,
} from "../../../image-core/filesystem/apple/decmpfs.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import {
  chunkedFork,
  chunkedResource,
  decmpfsAttribute,
  lzfseUncompressed,
  lzvnLiterals,
  storedChunk,
  zlibChunk,
} from "../../fixtures/hfsplus/decmpfs.js";
import { HfsPlusBuilder, ROOT_CNID } from "../../fixtures/hfsplus/volume.js";
import { corpusBytes, corpusMissing } from "../../support/corpus.js";
import { attributesAt, contentsOf, nodeAt, noise, openBytes } from "./support.js";

const UF_COMPRESSED = 0x20;
const small = noise(3000);
const large = noise(3 * 65536 + 1234, 5);

type Encode = (bytes: Uint8Array) => Uint8Array;
const inline: [number, string, Encode][] = [
  [1, "bare", (bytes) => bytes],
  [3, "zlib", zlibChunk],
  [3, "stored", storedChunk(0xff)],
  [7, "LZVN", lzvnLiterals],
  [7, "stored", storedChunk(6)],
  [9, "marked", storedChunk(0xcc)],
  [9, "bare", (bytes) => bytes],
  [11, "LZFSE", lzfseUncompressed],
  [11, "stored", storedChunk(0xff)],
  [13, "stored", storedChunk(0xff)],
];
const forks: [number, string, Uint8Array][] = [
  [4, "zlib", chunkedResource(large, zlibChunk)],
  [4, "stored", chunkedResource(large, storedChunk(0xff))],
  [8, "LZVN", chunkedFork(large, lzvnLiterals)],
  [8, "stored", chunkedFork(large, storedChunk(6))],
  [10, "table of offsets", chunkedFork(large, storedChunk(0xcc))],
  [10, "resource", chunkedResource(large, storedChunk(0xcc))],
  [12, "LZFSE", chunkedFork(large, lzfseUncompressed)],
  [14, "stored", chunkedFork(large, storedChunk(0xff))],
];

describe("compressed files", () => {
  const builder = new HfsPlusBuilder();
  const file = (
    name: string,
    type: number,
    data: Uint8Array,
    payload: Uint8Array,
    resource?: Uint8Array,
  ) => {
    const cnid = builder.file(ROOT_CNID, name, { ownerFlags: UF_COMPRESSED, resource });
    builder.attribute(
      cnid,
      "com.apple.decmpfs",
      decmpfsAttribute(type, data.length, payload),
      payload.length > 3000 ? 1 : 0,
    );
    builder.attribute(cnid, "com.example.other", "other");
  };
  for (const [type, how, encode] of inline)
    file(`inline ${type} ${how}`, type, small, encode(small));
  for (const [type, how, fork] of forks)
    file(`fork ${type} ${how}`, type, large, new Uint8Array(0), fork);
  file("unknown", 99, small, small);
  file(
    "cut off",
    8,
    large,
    new Uint8Array(0),
    chunkedFork(large, lzvnLiterals).subarray(0, 100_000),
  );
  const plain = builder.file(ROOT_CNID, "not flagged", { data: "plain" });
  builder.attribute(plain, "com.apple.decmpfs", decmpfsAttribute(3, 10));
  const volume = openBytes(builder.build());

  it.each(inline)("of type %i (%s) are read from their attribute", (type, how) => {
    const node = nodeAt(volume, `/inline ${type} ${how}`);
    expect(Buffer.compare(contentsOf(volume, node, 777), small)).toBe(0);
    expect(volume.listXattrs(node)).toEqual(["user.com.example.other"]);
  });

  it.each(forks)("of type %i (%s) are read from their resource fork", (type, how) => {
    const path = `/fork ${type} ${how}`;
    const node = nodeAt(volume, path);
    expect(attributesAt(volume, path).size).toBe(large.length);
    expect(Buffer.compare(contentsOf(volume, node, 50_000), large)).toBe(0);
    const part = new Uint8Array(70_000);
    expect(volume.read(node, 100_001, part, 0, part.length)).toBe(part.length);
    expect(Buffer.compare(part, large.subarray(100_001, 170_001))).toBe(0);
    expect(volume.listXattrs(node)).toEqual(["user.com.example.other"]);
    expect(volume.readXattr(node, "user.com.apple.ResourceFork")).toBeUndefined();
    expect(nodeAt(volume, `${path}..namedfork#rsrc`)).toBe(0);
  });

  it("of an unknown type cannot be read, and hurt nothing else", () => {
    const node = nodeAt(volume, "/unknown");
    expect(attributesAt(volume, "/unknown").size).toBe(small.length);
    expect(() => contentsOf(volume, node)).toThrow(/compression type 99/);
  });

  it("that are cut off can be read as far as they go", () => {
    const node = nodeAt(volume, "/cut off");
    const part = new Uint8Array(65536);
    expect(volume.read(node, 0, part, 0, 65536)).toBe(65536);
    expect(Buffer.compare(part, large.subarray(0, 65536))).toBe(0);
    expect(() => volume.read(node, 65536, part, 0, 65536)).toThrow(/chunk 1 lies at/);
  });

  it("are compressed only if they are flagged so", () => {
    const node = nodeAt(volume, "/not flagged");
    expect(Buffer.from(contentsOf(volume, node)).toString()).toBe("plain");
    expect(volume.listXattrs(node)).toEqual(["user.com.apple.decmpfs"]);
  });
});

describe.skipIf(corpusMissing !== undefined)("compressed by macOS", () => {
  const folder = "img/hfsplus-forensic/decmpfs";
  function decode(type: number, size: number, payload: Uint8Array, fork: Uint8Array): Uint8Array {
    const attribute = decmpfsAttribute(type, size, payload);
    const header = decodeDecmpfsHeader(attribute, "test");
    if (header === undefined) throw new Error("no header");
    const source = new DecmpfsSource(header, attribute, new MemorySource(fork), "test");
    const bytes = new Uint8Array(size);
    expect(source.read(0, bytes, 0, size)).toBe(size);
    return bytes;
  }

  it("zlib in the attribute", () => {
    const expected = corpusBytes(`${folder}/real_zlib_inline.expected`);
    const payload = corpusBytes(`${folder}/real_zlib_inline.payload`);
    expect(Buffer.compare(decode(3, expected.length, payload, new Uint8Array(0)), expected)).toBe(
      0,
    );
  });

  it("LZVN in the resource fork", () => {
    const expected = corpusBytes(`${folder}/tahoe_type8.expected`);
    const fork = corpusBytes(`${folder}/tahoe_type8.rsrc`);
    expect(Buffer.compare(decode(8, expected.length, new Uint8Array(0), fork), expected)).toBe(0);
  });
});
