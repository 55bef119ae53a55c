/**
 * zisofs: files compressed block by block (libisofs' doc/zisofs_format.txt and zisofs2_format.txt).
 *
 *   version 1: 8 bytes magic, size (32 bits), header length / 4, log2 of the block size, 2 reserved
 *   version 2: 8 bytes magic, version, header length / 4, algorithm, log2 of the block size,
 *              size (64 bits), 4 reserved
 *   then pointers to each block's compressed bytes and behind the last; a block without bytes is zeros
 */
import { inflateSync } from "node:zlib";
import { corrupt, ImageError, unsupported } from "../../errors.js";
import type { ByteSource } from "../../source/byte-source.js";
import { le32 } from "./both-endian.js";

const MAGIC_1 = [0x37, 0xe4, 0x53, 0x96, 0xc9, 0xdb, 0xd6, 0x07];
const MAGIC_2 = [0xef, 0x22, 0x55, 0xa1, 0xbc, 0x1b, 0x95, 0xa0];
const ALGORITHM_ZLIB = 1;

const MIN_BLOCK_BITS = 15;
/** 17 by the specification; 20 costs little to grant. */
const MAX_BLOCK_BITS = 20;

/** Decompressed blocks over all files, least recently used out first: at most 32 MiB, usually 4. */
const CACHED_CHUNKS = 32;

interface Chunk {
  owner: ZisofsContent;
  block: number;
  bytes: Uint8Array;
}

/** Shared by the files of one volume. */
export class ZisofsCache {
  /** The most recently used last. */
  private readonly chunks: Chunk[] = [];

  find(owner: ZisofsContent, block: number): Uint8Array | undefined {
    const { chunks } = this;
    for (let i = chunks.length - 1; i >= 0; i--) {
      const chunk = chunks[i];
      if (chunk.block !== block || chunk.owner !== owner) continue;
      if (i < chunks.length - 1) {
        chunks.copyWithin(i, i + 1);
        chunks[chunks.length - 1] = chunk;
      }
      return chunk.bytes;
    }
    return undefined;
  }

  add(owner: ZisofsContent, block: number, bytes: Uint8Array): void {
    if (this.chunks.length === CACHED_CHUNKS) this.chunks.shift();
    this.chunks.push({ owner, block, bytes });
  }
}

export class ZisofsContent implements ByteSource {
  private readonly blockSize: number;
  private readonly headerBytes: number;
  private readonly pointerBytes: number;
  private readonly pointers = new Uint8Array(16);

  /** `size`: as the ZF entry gives it. Throws where `stored` does not begin with a zisofs header. */
  constructor(
    private readonly stored: ByteSource,
    readonly size: number,
    private readonly cache: ZisofsCache,
    /** Byte offset of the file's record, for messages. */
    private readonly record: number,
  ) {
    const header = new Uint8Array(24);
    const got = stored.read(0, header, 0, 24);
    const first = got >= 16 && matches(header, MAGIC_1);
    if (!first && !(got >= 24 && matches(header, MAGIC_2))) {
      throw this.error("the file does not begin with a zisofs header");
    }
    const bits = first ? header[13] : header[11];
    if (bits < MIN_BLOCK_BITS || bits > MAX_BLOCK_BITS) {
      throw this.error(`blocks of 2^${bits} bytes`);
    }
    if (!first && (header[8] !== 0 || header[10] !== ALGORITHM_ZLIB)) {
      throw unsupported("iso9660", `zisofs algorithm ${header[10]} (header version ${header[8]})`);
    }
    const sizeAt = first ? 8 : 12;
    const declared = le32(header, sizeAt) + (first ? 0 : le32(header, sizeAt + 4) * 2 ** 32);
    if (declared !== size) {
      throw this.error(`the header says ${declared} bytes, the ZF entry ${size}`);
    }
    this.blockSize = 2 ** bits;
    this.headerBytes = (first ? header[12] : header[9]) * 4;
    this.pointerBytes = first ? 4 : 8;
  }

  read(position: number, target: Uint8Array, offset: number, length: number): number {
    if (position >= this.size) return 0;
    const wanted = Math.min(length, this.size - position);
    let done = 0;
    while (done < wanted) {
      const from = position + done;
      const block = Math.floor(from / this.blockSize);
      const inside = from - block * this.blockSize;
      const count = Math.min(wanted - done, this.blockSize - inside);
      const bytes = this.cache.find(this, block) ?? this.inflate(block);
      if (bytes.length === 0) target.fill(0, offset + done, offset + done + count);
      else if (inside === 0 && count === bytes.length) target.set(bytes, offset + done);
      else target.set(bytes.subarray(inside, inside + count), offset + done);
      done += count;
    }
    return done;
  }

  /** The block's bytes; empty for a block of zeros. */
  private inflate(block: number): Uint8Array {
    const { pointerBytes } = this;
    const at = this.headerBytes + block * pointerBytes;
    if (this.stored.read(at, this.pointers, 0, 2 * pointerBytes) < 2 * pointerBytes) {
      throw this.error(`pointer ${block + 1} lies behind the end of the file`);
    }
    const start = this.pointer(0);
    const end = this.pointer(pointerBytes);
    // zlib adds at most a few bytes to what does not shrink.
    if (start > end || end > this.stored.size || end - start > 2 * this.blockSize) {
      throw this.error(`block ${block} from ${start} to ${end} of ${this.stored.size} bytes`);
    }
    const bytes = start === end ? new Uint8Array(0) : this.decompress(block, start, end);
    this.cache.add(this, block, bytes);
    return bytes;
  }

  private pointer(at: number): number {
    const low = le32(this.pointers, at);
    return this.pointerBytes === 4 ? low : low + le32(this.pointers, at + 4) * 2 ** 32;
  }

  private decompress(block: number, start: number, end: number): Uint8Array {
    const compressed = new Uint8Array(end - start);
    if (this.stored.read(start, compressed, 0, compressed.length) < compressed.length) {
      throw this.error(`block ${block} is cut off`);
    }
    const expected = Math.min(this.blockSize, this.size - block * this.blockSize);
    let bytes: Uint8Array;
    try {
      bytes = inflateSync(compressed, { maxOutputLength: this.blockSize });
    } catch (error) {
      throw this.error(`block ${block}: ${(error as Error).message}`, error);
    }
    if (bytes.length < expected) {
      throw this.error(`block ${block} inflated to ${bytes.length} of ${expected} bytes`);
    }
    return bytes.length === expected ? bytes : bytes.subarray(0, expected);
  }

  private error(problem: string, cause?: unknown): ImageError {
    const error = corrupt("iso9660", "zisofs file with its record", this.record, problem);
    return cause === undefined
      ? error
      : new ImageError("corrupt", "iso9660", error.message.slice("iso9660: ".length), { cause });
  }
}

function matches(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}
