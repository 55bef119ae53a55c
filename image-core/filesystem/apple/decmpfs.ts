/**
 * Transparent compression of HFS+ and APFS: the `com.apple.decmpfs` attribute holds a header and a
 * small file's data, the resource fork the 64 KiB chunks of a larger one. Header and tables are as
 * xnu's `sys/decmpfs.h` and the projects afsctool and libfsapfs describe them; little-endian, but
 * for the resource fork header of type 4.
 */
import { decodeLzbitmap } from "../../codec/lzbitmap.js";
import { decodeLzfse } from "../../codec/lzfse.js";
import { decodeLzvn } from "../../codec/lzvn.js";
import { decodeZlib } from "../../codec/zlib.js";
import { corrupt, ImageError, unsupported } from "../../errors.js";
import type { ByteSource } from "../../source/byte-source.js";
import { readExactly } from "../../source/read-exactly.js";

/** Stored name of the attribute. */
export const DECMPFS_XATTR = "com.apple.decmpfs";
/** `cmpf`, as a little-endian number. */
const DECMPFS_MAGIC = 0x636d7066;
const HEADER_BYTES = 16;
const CHUNK_BYTES = 65536;
/** Of a file whose data lie in the attribute, one chunk whatever its size. */
const MAX_INLINE_BYTES = 1024 * 1024;
/** Chunks kept decoded, for each open file: sequential reads come in pieces, at most 128 KiB each. */
const CACHED_CHUNKS = 3;
/** A chunk that does not shrink is stored with a byte before it; codecs may add headers. */
const MAX_STORED_CHUNK_BYTES = CHUNK_BYTES + 4096;

type Decoder = (input: Uint8Array, output: Uint8Array) => number;

interface Method {
  title: string;
  /** Undefined where data are never compressed. */
  decode?: Decoder;
  /** Whether a chunk that begins with this byte is not compressed, but stored behind the byte. */
  isStored(first: number): boolean;
}

const zlib: Method = {
  title: "zlib",
  decode: decodeZlib,
  isStored: (first) => (first & 15) === 15,
};
/** 6 is LZVN's end of stream: no compressed chunk begins with it. */
const lzvn: Method = { title: "LZVN", decode: decodeLzvn, isStored: (first) => first === 6 };
const plain: Method = { title: "uncompressed", isStored: () => true };
/** Every LZFSE block begins with "bvx". */
const lzfse: Method = { title: "LZFSE", decode: decodeLzfse, isStored: (first) => first !== 0x62 };
/** Every LZBITMAP stream begins with "ZBM". */
const lzbitmap: Method = {
  title: "LZBITMAP",
  decode: decodeLzbitmap,
  isStored: (first) => first !== 0x5a,
};

/** compression_type: odd ones in the attribute, even ones in the resource fork. */
const methods = new Map<number, Method>([
  [1, plain],
  [3, zlib],
  [4, zlib],
  [7, lzvn],
  [8, lzvn],
  [9, plain],
  [10, plain],
  [11, lzfse],
  [12, lzfse],
  [13, lzbitmap],
  [14, lzbitmap],
]);

/** decmpfs_disk_header */
export interface DecmpfsHeader {
  type: number;
  /** In bytes, of the file as programs see it. */
  uncompressedSize: number;
}

/** Undefined for what is no such header. Throws `corrupt` for a size beyond 2^53. */
export function decodeDecmpfsHeader(
  attribute: Uint8Array,
  format: string,
): DecmpfsHeader | undefined {
  if (attribute.length < HEADER_BYTES) return undefined;
  const view = new DataView(attribute.buffer, attribute.byteOffset, attribute.length);
  if (view.getUint32(0, true) !== DECMPFS_MAGIC) return undefined;
  const high = view.getUint32(12, true);
  if (high >= 2 ** 21)
    throw corrupt(format, DECMPFS_XATTR, 8, `size 0x${high.toString(16)}00000000`);
  return {
    type: view.getUint32(4, true),
    uncompressedSize: high * 2 ** 32 + view.getUint32(8, true),
  };
}

/** Whether the resource fork of a file of this type is its data, and no one else's business. */
export function usesResourceFork(header: DecmpfsHeader): boolean {
  return header.type % 2 === 0;
}

interface Chunk {
  index: number;
  bytes: Uint8Array;
}

/** The contents of a compressed file, chunk by chunk. */
export class DecmpfsSource implements ByteSource {
  readonly size: number;
  private readonly type: number;
  private readonly method: Method;
  private readonly chunkBytes: number;
  private readonly chunks: Chunk[] = [];
  private next = 0;

  /**
   * `attribute`: of com.apple.decmpfs, whole; its header is `header`. Throws `unsupported` for a
   * type that is not read.
   */
  constructor(
    header: DecmpfsHeader,
    private readonly attribute: Uint8Array,
    private readonly resourceFork: ByteSource,
    private readonly format: string,
  ) {
    this.size = header.uncompressedSize;
    this.type = header.type;
    const method = methods.get(header.type);
    if (method === undefined)
      throw unsupported(format, `compression type ${header.type} of a file`);
    this.method = method;
    const inFork = usesResourceFork(header);
    this.chunkBytes = inFork ? CHUNK_BYTES : this.size;
    // Every chunk takes an entry of its table, so no size claims more than the fork can hold.
    const most = inFork ? (resourceFork.size / 4) * CHUNK_BYTES : MAX_INLINE_BYTES;
    if (this.size > most) throw this.error(`${this.size} bytes, at most ${most} can be stored`);
  }

  read(position: number, target: Uint8Array, offset: number, length: number): number {
    if (position >= this.size) return 0;
    const end = Math.min(this.size, position + length);
    let from = position;
    while (from < end) {
      const index = Math.floor(from / this.chunkBytes);
      const inside = from - index * this.chunkBytes;
      const chunk = this.chunk(index);
      const count = Math.min(chunk.length - inside, end - from);
      target.set(chunk.subarray(inside, inside + count), offset);
      from += count;
      offset += count;
    }
    return end - position;
  }

  private chunk(index: number): Uint8Array {
    for (const chunk of this.chunks) if (chunk.index === index) return chunk.bytes;
    const length = Math.min(this.chunkBytes, this.size - index * this.chunkBytes);
    const stored =
      this.type % 2 === 1 ? this.attribute.subarray(HEADER_BYTES) : this.storedChunk(index);
    const bytes = this.decode(stored, length, index);
    this.chunks[this.next] = { index, bytes };
    this.next = (this.next + 1) % CACHED_CHUNKS;
    return bytes;
  }

  private decode(stored: Uint8Array, length: number, index: number): Uint8Array {
    // Uncompressed data have the marker byte or, as some writers leave it out, not.
    const bare = this.method === plain && stored.length === length;
    if (stored.length > 0 && !bare && this.method.isStored(stored[0])) {
      if (stored.length - 1 < length) {
        throw this.error(`chunk ${index}: ${stored.length - 1} of ${length} bytes are stored`);
      }
      return stored.subarray(1, 1 + length);
    }
    if (this.method.decode === undefined) return stored;
    const bytes = new Uint8Array(length);
    const got = this.method.decode(stored, bytes);
    if (got !== length) throw this.error(`chunk ${index}: decoded ${got} of ${length} bytes`);
    return bytes;
  }

  /** A chunk as the resource fork holds it. */
  private storedChunk(index: number): Uint8Array {
    const { start, end } = this.locateChunk(index);
    const length = end - start;
    if (!(length >= 0 && length <= MAX_STORED_CHUNK_BYTES) || end > this.resourceFork.size) {
      throw this.error(
        `chunk ${index} lies at ${start} to ${end} of ${this.resourceFork.size} bytes of resource fork`,
      );
    }
    return readExactly(this.resourceFork, start, length, this.format, `compressed chunk ${index}`);
  }

  private locateChunk(index: number): { start: number; end: number } {
    // A resource header (big-endian) before the table; type 10 comes in both dresses.
    const head = this.view(0, 4, "resource fork header");
    const dataOffset = head.getUint32(0);
    if (this.type === 4 || (this.type === 10 && dataOffset === 0x100)) {
      // Of the resource: its length (big-endian), then the table that offsets count from.
      const table = dataOffset + 4;
      const count = this.view(table, 4, "chunk table").getUint32(0, true);
      if (index >= count) throw this.error(`chunk ${index} of ${count}`);
      const entry = this.view(table + 4 + 8 * index, 8, "chunk table");
      const start = table + entry.getUint32(0, true);
      return { start, end: start + entry.getUint32(4, true) };
    }
    // The offset of each chunk and of the end of the last; the first tells the table's own size.
    const tableBytes = head.getUint32(0, true);
    if (4 * index + 8 > tableBytes)
      throw this.error(`chunk ${index} in a table of ${tableBytes} bytes`);
    const entry = this.view(4 * index, 8, "chunk table");
    return { start: entry.getUint32(0, true), end: entry.getUint32(4, true) };
  }

  private view(position: number, length: number, structure: string): DataView {
    return new DataView(
      readExactly(this.resourceFork, position, length, this.format, structure).buffer,
    );
  }

  private error(problem: string): ImageError {
    return new ImageError(
      "corrupt",
      this.format,
      `compressed file (${this.method.title}): ${problem}`,
    );
  }
}
