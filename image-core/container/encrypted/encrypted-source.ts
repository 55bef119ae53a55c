/**
 * The plain bytes of an encrypted image: AES-CBC by blocks, each under its own vector.
 *
 * One call of the cipher costs as much as a block, so groups of some 64 KiB are decrypted in one
 * CBC run as if they were one message, and the first 16 bytes of each block are put right after:
 * CBC has XORed them with the cipher text before instead of the block's vector.
 */
import { createDecipheriv } from "node:crypto";
import { ChunkCache, type ChunkStore, type MakeChunkStore } from "../../cache/chunk-cache.js";
import { at, ImageError } from "../../errors.js";
import type { ByteSource } from "../../source/byte-source.js";
import { BlockIv } from "./block-iv.js";
import type { ImageKeys } from "./keys.js";
import { type Cipher, FORMAT } from "./structs.js";

const GROUP_BYTES = 64 * 1024;
const CIPHER_BLOCK = 16;
const WORDS = CIPHER_BLOCK / 4;
const CACHE_LIMIT = 8 * 1024 * 1024;

/** Encrypted bytes of which some may be missing. */
export interface SparseSource extends ByteSource {
  /**
   * How many bytes from `position` are stored (positive) or missing (negative); never 0 within.
   * Stored runs are multiples of 16 bytes, and begin where a block does.
   */
  run(position: number): number;
}

export class EncryptedSource implements ByteSource {
  readonly size: number;
  private readonly blockSize: number;
  private readonly groupSize: number;
  private readonly cache: ChunkStore;
  private readonly iv: BlockIv;
  private readonly decipher: ReturnType<typeof createDecipheriv>;
  /** The group's cipher text, behind the last block of the run before it: what CBC chains from. */
  private readonly chained: Uint8Array;
  private readonly chainedWords: Int32Array;

  /** `stored`: the cipher text from block 0; where it is sparse, what is missing reads as zeros. */
  constructor(
    private readonly stored: ByteSource | SparseSource,
    cipher: Cipher,
    keys: ImageKeys,
    makeStore: MakeChunkStore = (lengthOf, decode) => new ChunkCache(lengthOf, decode, CACHE_LIMIT),
  ) {
    this.size = cipher.dataSize;
    this.blockSize = cipher.blockSize;
    this.groupSize = cipher.blockSize * Math.max(1, Math.floor(GROUP_BYTES / cipher.blockSize));
    this.cache = makeStore(
      (group) => Math.max(0, Math.min(this.groupSize, roundUp(this.size - group * this.groupSize))),
      (group, target) => this.decrypt(group, target),
    );
    this.iv = new BlockIv(keys.hmac);
    this.chained = new Uint8Array(CIPHER_BLOCK + this.groupSize);
    this.chainedWords = new Int32Array(this.chained.buffer);
    this.decipher = createDecipheriv(
      `aes-${cipher.keyBits}-cbc`,
      keys.aes,
      this.chained.subarray(0, CIPHER_BLOCK),
    );
    this.decipher.setAutoPadding(false);
    keys.aes.fill(0);
    keys.hmac.fill(0);
  }

  read(position: number, target: Uint8Array, offset: number, length: number): number {
    if (position >= this.size) return 0;
    const end = Math.min(this.size, position + length);
    let from = position;
    while (from < end) {
      const group = Math.floor(from / this.groupSize);
      const inside = from - group * this.groupSize;
      const count = Math.min(this.groupSize - inside, end - from);
      target.set(this.cache.chunk(group).subarray(inside, inside + count), offset);
      from += count;
      offset += count;
    }
    return end - position;
  }

  private decrypt(group: number, target: Uint8Array): void {
    const start = group * this.groupSize;
    const { stored } = this;
    if (!("run" in stored)) {
      this.decryptRun(start, target, target.length);
      return;
    }
    for (let done = 0; done < target.length; ) {
      const run = stored.run(start + done);
      const count = Math.min(Math.abs(run), target.length - done);
      const part = target.subarray(done, done + count);
      if (run < 0) part.fill(0);
      else this.decryptRun(start + done, part, count);
      done += count;
    }
  }

  /** `position` is a multiple of the block size, `count` of 16. */
  private decryptRun(position: number, target: Uint8Array, count: number): void {
    const { chained, chainedWords } = this;
    const got = this.stored.read(position, chained, CIPHER_BLOCK, count);
    if (got < count) {
      throw new ImageError("truncated", FORMAT, `got ${got} of ${count} bytes ${at(position)}`);
    }
    const end = CIPHER_BLOCK + count;
    const plain = this.decipher.update(chained.subarray(CIPHER_BLOCK, end));
    target.set(plain);
    const words = new Int32Array(target.buffer, target.byteOffset, count / 4);
    const wordsInBlock = this.blockSize / 4;
    let number = position / this.blockSize;
    for (let i = 0; i < words.length; i += wordsInBlock) {
      for (let j = 0; j < WORDS; j++) words[i + j] ^= chainedWords[i + j];
      this.iv.xorInto(words, i, number++);
    }
    chained.copyWithin(0, end - CIPHER_BLOCK, end);
  }
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / CIPHER_BLOCK) * CIPHER_BLOCK;
}
