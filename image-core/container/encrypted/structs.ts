/**
 * Headers of encrypted disk images, big-endian: version 2 (`encrcdsa`) before the data, version 1
 * (`cdsaencr`) behind them.
 *
 * There is no official text; the layouts are as vfdecrypt (J. Appelbaum, R.-P. Weinmann) found them,
 * the numbers are those of Apple's CSSM (cssmtype.h).
 */
import { corrupt, ImageError, unsupported } from "../../errors.js";

export const FORMAT = "encrypted-dmg";

export const V1_TRAILER_BYTES = 1276;
/** Header, key pointers and keys of version 2: as much as Apple writes, and more. */
export const V2_MAX_HEADER_BYTES = 1024 * 1024;

const V2_FIXED_BYTES = 76;
const KEY_POINTER_BYTES = 20;
const PASSPHRASE_KEY_BYTES = 104;
const MAX_KEYS = 64;
const MAX_BLOCK = 1024 * 1024;

const CSSM_ALGID_3DES_3KEY_EDE = 17;
const CSSM_ALGID_AES = 0x80000001;
const CSSM_ALGID_PKCS5_PBKDF2 = 103;
const CSSM_PKCS5_PBKDF2_PRF_HMAC_SHA1 = 0;
const CSSM_ALGMODE_CBC = 5;

const KEY_TYPE_TITLES = new Map([
  [1, "a passphrase"],
  [2, "a certificate's private key"],
  [3, "a baseband key"],
]);
const KEY_TYPE_PASSPHRASE = 1;

/** How a passphrase becomes the key that wraps the others. */
export interface KeyDerivation {
  iterationCount: number;
  salt: Uint8Array;
}

/** One wrapped key. */
export interface KeyBlob {
  iv: Uint8Array;
  keyBits: number;
  /** Cipher's name for node:crypto. */
  cipher: string;
  data: Uint8Array;
}

export interface Cipher {
  /** 128 or 256. */
  keyBits: number;
  /** Bytes encrypted under one initialisation vector. */
  blockSize: number;
  /** Of the plain image, in bytes. */
  dataSize: number;
  /** Where it begins. */
  dataOffset: number;
}

export interface HeaderV2 extends Cipher {
  /** Those that a passphrase opens. */
  keys: { derivation: KeyDerivation; blob: KeyBlob }[];
}

export interface TrailerV1 extends Cipher {
  derivation: KeyDerivation;
  aesKey: KeyBlob;
  hmacKey: KeyBlob;
}

/** Decodes a version 2 header. `bytes` holds all of the image up to its data, or what is bounded. */
export function decodeHeaderV2(bytes: Uint8Array): HeaderV2 {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < V2_FIXED_BYTES) throw corrupt(FORMAT, "header", 0, `${bytes.length} bytes`);
  const version = view.getUint32(8);
  if (version !== 2) throw unsupported(FORMAT, `header version ${version}`);
  const cipher = checkCipher({
    mode: view.getUint32(16),
    algorithm: view.getUint32(20),
    keyBits: view.getUint32(24),
    blockSize: view.getUint32(52),
    dataSize: uint64(view, 56, "data size"),
    dataOffset: uint64(view, 64, "data offset"),
  });
  const keyCount = view.getUint32(72);
  if (keyCount === 0 || keyCount > MAX_KEYS) {
    throw corrupt(FORMAT, "header", 72, `${keyCount} keys`);
  }
  const keys: HeaderV2["keys"] = [];
  const others = new Set<string>();
  let firstUnread: ImageError | undefined;
  for (let i = 0; i < keyCount; i++) {
    const pointer = V2_FIXED_BYTES + i * KEY_POINTER_BYTES;
    if (pointer + KEY_POINTER_BYTES > bytes.length) {
      throw corrupt(FORMAT, "key pointer", pointer, "lies behind the header");
    }
    const type = view.getUint32(pointer);
    if (type !== KEY_TYPE_PASSPHRASE) {
      others.add(KEY_TYPE_TITLES.get(type) ?? `key type ${type}`);
      continue;
    }
    try {
      keys.push(decodePassphraseKey(bytes, view, uint64(view, pointer + 4, "key offset")));
    } catch (error) {
      // Another key may open the image all the same.
      if (!(error instanceof ImageError)) throw error;
      firstUnread ??= error;
    }
  }
  if (keys.length === 0) {
    if (firstUnread !== undefined) throw firstUnread;
    throw unsupported(FORMAT, `the image opens with ${[...others].join(" or ")} only`);
  }
  return { ...cipher, keys };
}

function decodePassphraseKey(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
): HeaderV2["keys"][number] {
  if (offset + PASSPHRASE_KEY_BYTES > bytes.length) {
    throw corrupt(FORMAT, "passphrase key", offset, "lies behind the header");
  }
  checkDerivation(view.getUint32(offset), view.getUint32(offset + 4));
  const derivation = {
    iterationCount: view.getUint32(offset + 8),
    salt: counted(bytes, view, offset + 12, 32),
  };
  const storedIv = counted(bytes, view, offset + 48, 32);
  const keyBits = view.getUint32(offset + 84);
  const { cipher, ivBytes } = blobCipher(view.getUint32(offset + 88), keyBits);
  // macOS 26 wraps by AES, yet stores eight bytes as it did for 3DES: zeros follow them.
  const iv = new Uint8Array(ivBytes);
  iv.set(storedIv.subarray(0, ivBytes));
  const length = view.getUint32(offset + 100);
  if (length > bytes.length - offset - PASSPHRASE_KEY_BYTES) {
    throw corrupt(FORMAT, "passphrase key", offset, `a key blob of ${length} bytes`);
  }
  if (length === 0 || length % ivBytes !== 0) {
    throw corrupt(FORMAT, "wrapped key", offset, `${length} bytes`);
  }
  const data = bytes.slice(offset + PASSPHRASE_KEY_BYTES, offset + PASSPHRASE_KEY_BYTES + length);
  return { derivation, blob: { iv, keyBits, cipher, data } };
}

/** Decodes the 1276 bytes at the end of a version 1 image. */
export function decodeTrailerV1(bytes: Uint8Array): TrailerV1 {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint32(0x4f0);
  if (version !== 1) throw unsupported(FORMAT, `trailer version ${version}`);
  checkDerivation(view.getUint32(0x28), view.getUint32(0x2c));
  const keyBits = view.getUint32(0x20);
  const { cipher, ivBytes } = blobCipher(view.getUint32(0x14), keyBits);
  const blob = (iv: number, length: number): KeyBlob => ({
    iv: bytes.slice(iv, iv + ivBytes),
    keyBits,
    cipher,
    data: counted(bytes, view, length, 256),
  });
  return {
    ...checkCipher({
      mode: view.getUint32(0x5c),
      algorithm: view.getUint32(0x60),
      keyBits: view.getUint32(0x64),
      blockSize: view.getUint32(0x10),
      dataSize: uint64(view, 0x4e8, "data size"),
      dataOffset: 0,
    }),
    derivation: { iterationCount: view.getUint32(0x30), salt: counted(bytes, view, 0x34, 32) },
    aesKey: blob(0x68, 0x88),
    hmacKey: blob(0x194, 0x1b4),
  };
}

function checkCipher(fields: Cipher & { mode: number; algorithm: number }): Cipher {
  const { mode, algorithm, keyBits, blockSize, dataSize, dataOffset } = fields;
  if (algorithm !== CSSM_ALGID_AES || mode !== CSSM_ALGMODE_CBC) {
    throw unsupported(FORMAT, `cipher 0x${algorithm.toString(16)} in mode ${mode}`);
  }
  if (keyBits !== 128 && keyBits !== 256) throw unsupported(FORMAT, `AES of ${keyBits} bits`);
  if (blockSize < 16 || blockSize > MAX_BLOCK || blockSize % 16 !== 0) {
    throw corrupt(FORMAT, "header", 0, `blocks of ${blockSize} bytes`);
  }
  return { keyBits, blockSize, dataSize, dataOffset };
}

function checkDerivation(algorithm: number, prf: number): void {
  if (algorithm !== CSSM_ALGID_PKCS5_PBKDF2 || prf !== CSSM_PKCS5_PBKDF2_PRF_HMAC_SHA1) {
    throw unsupported(FORMAT, `key derivation ${algorithm} with function ${prf}`);
  }
}

/** Of what wraps the keys. */
function blobCipher(algorithm: number, keyBits: number): { cipher: string; ivBytes: number } {
  if (algorithm === CSSM_ALGID_3DES_3KEY_EDE && keyBits === 192) {
    return { cipher: "des-ede3-cbc", ivBytes: 8 };
  }
  if (algorithm === CSSM_ALGID_AES && (keyBits === 128 || keyBits === 192 || keyBits === 256)) {
    return { cipher: `aes-${keyBits}-cbc`, ivBytes: 16 };
  }
  throw unsupported(
    FORMAT,
    `a key wrapped by cipher 0x${algorithm.toString(16)} of ${keyBits} bits`,
  );
}

/** A 32-bit length and room for `room` bytes behind it. */
function counted(bytes: Uint8Array, view: DataView, offset: number, room: number): Uint8Array {
  const length = view.getUint32(offset);
  if (length > room) throw corrupt(FORMAT, "key", offset, `${length} bytes, room for ${room}`);
  return bytes.slice(offset + 4, offset + 4 + length);
}

function uint64(view: DataView, offset: number, field: string): number {
  const value = view.getUint32(offset) * 2 ** 32 + view.getUint32(offset + 4);
  if (Number.isSafeInteger(value)) return value;
  throw corrupt(FORMAT, "header", offset, `${field} is beyond 2^53`);
}
