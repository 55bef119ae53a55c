/**
 * DMG images of one HFS+ volume in each codec, and the same chunks as streams of the codec's own
 * tool.
 *
 * The volume is made of files of 8 MiB with the same bytes: machine code and TypeScript, which
 * compress as applications do. Codecs see no further than a chunk, so that repetition beyond one
 * costs nothing and gains nothing, and making the images takes a minute, not an hour.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import { encodeLzfse } from "../../fixtures/dmg/lzfse-encoder.js";
import { buildUdif, ChunkType, type FixtureChunk, SECTOR } from "../../fixtures/dmg/udif.js";
import { HfsPlusBuilder, ROOT_CNID } from "../../fixtures/hfsplus/volume.js";
import { made } from "./make.js";

export const FILE_BYTES = 8 * 2 ** 20;

export interface Codec {
  /** Apple's name for such an image. */
  name: string;
  type: number;
  chunkBytes: number;
  encode(plain: Uint8Array): Uint8Array;
  /** A file of what one chunk holds, for the tool: its streams may follow one another. */
  stream?(stored: Uint8Array, plain: Uint8Array): Uint8Array;
}

const filter =
  (program: string, ...parameters: string[]) =>
  (plain: Uint8Array) =>
    execFileSync(program, parameters, { input: plain, maxBuffer: 1 << 28 });

const stored = (bytes: Uint8Array) => bytes;

/** Chunk lengths are hdiutil's. */
export const codecs = {
  UDZO: {
    name: "UDZO (zlib)",
    type: ChunkType.zlib,
    chunkBytes: 256 * 1024,
    encode: (plain) => deflateSync(plain),
    stream: gzipMember,
  },
  UDBZ: {
    name: "UDBZ (bzip2)",
    type: ChunkType.bzip2,
    chunkBytes: 256 * 1024,
    encode: filter("bzip2", "-c"),
    stream: stored,
  },
  ULFO: {
    name: "ULFO (LZFSE)",
    type: ChunkType.lzfse,
    chunkBytes: 1024 * 1024,
    encode: (plain) => encodeLzfse(plain, ["bvx2"]),
  },
  ULMO: {
    name: "ULMO (LZMA)",
    type: ChunkType.lzma,
    chunkBytes: 1024 * 1024,
    encode: filter("xz", "-c", "-T1"),
    stream: stored,
  },
} satisfies Record<string, Codec>;

/** RFC 1952 around the deflated data of RFC 1950, which has 2 bytes before it and 4 behind. */
function gzipMember(zlib: Uint8Array, plain: Uint8Array): Uint8Array {
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(plain));
  trailer.writeUInt32LE(plain.length, 4);
  const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
  return Buffer.concat([header, zlib.subarray(2, -4), trailer]);
}

export function fileNames(files: number): string[] {
  return Array.from({ length: files }, (_, i) => `file-${String(i).padStart(2, "0")}`);
}

/** The volume, neither compressed nor in an image format. */
export function hfsPlusImage(folder: string, files: number): string {
  return made(folder, `hfsplus-${files}.img`, (image) => {
    const data = sample();
    const builder = new HfsPlusBuilder({ label: "Bench" });
    for (const name of fileNames(files)) builder.file(ROOT_CNID, name, { data });
    const volume = builder.build();
    setFileCount(volume, files);
    writeFileSync(image, volume);
  });
}

/** In both volume headers (TN1150, "Volume Header"): 7-Zip wants it to be right. */
function setFileCount(volume: Uint8Array, files: number): void {
  const view = new DataView(volume.buffer, volume.byteOffset, volume.length);
  for (const header of [1024, volume.length - 1024]) view.setUint32(header + 32, files);
}

/** 6 MiB of Node and 2 of the declarations of its types. */
function sample(): Uint8Array {
  const program = readFileSync(process.execPath);
  const pieces = [1, 2, 3].map((i) => {
    const at = Math.floor((program.length * i) / 4);
    return program.subarray(at, at + FILE_BYTES / 4);
  });
  const text = nodeTypes();
  const bytes = new Uint8Array(FILE_BYTES);
  bytes.set(Buffer.concat(pieces));
  for (let at = (FILE_BYTES * 3) / 4; at < FILE_BYTES; at += text.length) {
    bytes.set(text.subarray(0, FILE_BYTES - at), at);
  }
  return bytes;
}

function nodeTypes(): Buffer {
  const folder = dirname(createRequire(import.meta.url).resolve("@types/node/package.json"));
  const names = readdirSync(folder, { encoding: "utf8", recursive: true }).sort();
  const texts = names.filter((name) => name.endsWith(".d.ts"));
  return Buffer.concat(texts.map((name) => readFileSync(join(folder, name))));
}

export function dmgImage(folder: string, codec: Codec, files: number): string {
  return made(folder, `${codec.name.slice(0, 4)}-${files}.dmg`, (image) => {
    writeFileSync(image, buildUdif([{ sector: 0, chunks: chunks(folder, codec, files) }]));
  });
}

/** The chunks of `dmgImage` as the codec's tool has them; undefined for a codec without a tool. */
export function codecStream(folder: string, codec: Codec, files: number): string | undefined {
  const { stream } = codec;
  if (stream === undefined) return undefined;
  return made(folder, `${codec.name.slice(0, 4)}-${files}.stream`, (path) => {
    const parts = chunks(folder, codec, files).map((chunk) => stream(chunk.stored, chunk.plain));
    writeFileSync(path, Buffer.concat(parts));
  });
}

function chunks(folder: string, codec: Codec, files: number): Required<FixtureChunk>[] {
  const disk = readFileSync(hfsPlusImage(folder, files));
  const encoded = new Map<string, Uint8Array>();
  const result: Required<FixtureChunk>[] = [];
  for (let at = 0; at < disk.length; at += codec.chunkBytes) {
    const plain = disk.subarray(at, at + codec.chunkBytes);
    const key = createHash("sha1").update(plain).digest("base64");
    const bytes = encoded.get(key) ?? codec.encode(plain);
    encoded.set(key, bytes);
    result.push({ type: codec.type, sectors: plain.length / SECTOR, stored: bytes, plain });
  }
  return result;
}
