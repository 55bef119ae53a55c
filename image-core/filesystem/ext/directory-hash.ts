/**
 * The hashes of names in indexed directories.
 *
 * Linux `Documentation/filesystems/ext4/directory.rst`, "Hash Tree Directories"; the functions are
 * MD4's rounds cut in half (RFC 1320), TEA (Wheeler and Needham) and ext2's own older one.
 */
import type { Superblock } from "./superblock.js";

export interface DirectoryHash {
  hash: number;
  minorHash: number;
}

/** Of dx_root's hash_version and s_def_hash_version. The unsigned kinds are these and 3. */
const DX_HASH_LEGACY = 0;
const DX_HASH_HALF_MD4 = 1;
const DX_HASH_TEA = 2;
const DX_HASH_LEGACY_UNSIGNED = 3;

/** Marks the end of a directory; no name may have it. */
const HTREE_EOF = 0x7fffffff;

/** Undefined for a kind that needs a key or is unknown. */
export function hashName(
  name: Uint8Array,
  version: number,
  superblock: Superblock,
): DirectoryHash | undefined {
  const unsigned = version >= DX_HASH_LEGACY_UNSIGNED || superblock.unsignedHash;
  const kind = version >= DX_HASH_LEGACY_UNSIGNED ? version - DX_HASH_LEGACY_UNSIGNED : version;
  let hash: number;
  let minorHash = 0;
  if (kind === DX_HASH_LEGACY) hash = legacyHash(name, unsigned);
  else if (kind === DX_HASH_HALF_MD4 || kind === DX_HASH_TEA) {
    const seeded = superblock.hashSeed.some((word) => word !== 0);
    const state = Uint32Array.from(
      seeded ? superblock.hashSeed : [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476],
    );
    const words = kind === DX_HASH_HALF_MD4 ? 8 : 4;
    const input = new Uint32Array(words);
    for (let at = 0; at < name.length; at += words * 4) {
      fillWords(name, at, unsigned, input);
      if (kind === DX_HASH_HALF_MD4) halfMd4(state, input);
      else tea(state, input);
    }
    hash = kind === DX_HASH_HALF_MD4 ? state[1] : state[0];
    minorHash = kind === DX_HASH_HALF_MD4 ? state[2] : state[1];
  } else return undefined;
  hash = (hash & ~1) >>> 0;
  if (hash === (HTREE_EOF << 1) >>> 0) hash = ((HTREE_EOF - 1) << 1) >>> 0;
  return { hash, minorHash: minorHash >>> 0 };
}

/** Bytes count as the maker's `char`: signed on most machines. */
function charValue(byte: number, unsigned: boolean): number {
  return unsigned || byte < 128 ? byte : byte - 256;
}

function legacyHash(name: Uint8Array, unsigned: boolean): number {
  let previous = 0x37abe8f9;
  let hash = 0x12a3fe2d;
  for (const byte of name) {
    const product = Math.imul(charValue(byte, unsigned), 7152373);
    let next = (previous + (hash ^ product)) >>> 0;
    if ((next & 0x80000000) !== 0) next = (next - 0x7fffffff) >>> 0;
    previous = hash;
    hash = next;
  }
  return (hash << 1) >>> 0;
}

/** Packs the name from `at` on big-end first into the words; what is left over is padded with its length. */
function fillWords(name: Uint8Array, at: number, unsigned: boolean, words: Uint32Array): void {
  const left = name.length - at;
  let pad = (left | (left << 8)) >>> 0;
  pad = (pad | (pad << 16)) >>> 0;
  const length = Math.min(left, words.length * 4);
  let word = pad;
  let filled = 0;
  for (let i = 0; i < length; i++) {
    word = (charValue(name[at + i], unsigned) + (word << 8)) >>> 0;
    if (i % 4 === 3) {
      words[filled++] = word;
      word = pad;
    }
  }
  if (filled < words.length) words[filled++] = word;
  while (filled < words.length) words[filled++] = pad;
}

function rotate(value: number, by: number): number {
  return ((value << by) | (value >>> (32 - by))) >>> 0;
}

const MD4_ORDER = [
  [0, 1, 2, 3, 4, 5, 6, 7],
  [1, 3, 5, 7, 0, 2, 4, 6],
  [3, 7, 2, 6, 1, 5, 0, 4],
];
const MD4_SHIFTS = [
  [3, 7, 11, 19],
  [3, 5, 9, 13],
  [3, 9, 11, 15],
];
const MD4_CONSTANTS = [0, 0x5a827999, 0x6ed9eba1];

function halfMd4(state: Uint32Array, input: Uint32Array): void {
  const v = state.slice();
  for (let round = 0; round < 3; round++) {
    for (let step = 0; step < 8; step++) {
      // Each step renews one of a, d, c, b in turn from the three others.
      const target = (4 - (step % 4)) % 4;
      const x = v[(target + 1) % 4];
      const y = v[(target + 2) % 4];
      const z = v[(target + 3) % 4];
      const mixed =
        round === 0 ? z ^ (x & (y ^ z)) : round === 1 ? (x & y) + ((x ^ y) & z) : x ^ y ^ z;
      const sum = v[target] + (mixed >>> 0) + input[MD4_ORDER[round][step]] + MD4_CONSTANTS[round];
      v[target] = rotate(sum >>> 0, MD4_SHIFTS[round][step % 4]);
    }
  }
  for (let i = 0; i < 4; i++) state[i] += v[i];
}

function tea(state: Uint32Array, input: Uint32Array): void {
  let [b0, b1] = state;
  const [a, b, c, d] = input;
  for (let round = 1, sum = 0; round <= 16; round++) {
    sum = (sum + 0x9e3779b9) >>> 0;
    b0 = (b0 + (((b1 << 4) + a) ^ (b1 + sum) ^ ((b1 >>> 5) + b))) >>> 0;
    b1 = (b1 + (((b0 << 4) + c) ^ (b0 + sum) ^ ((b0 >>> 5) + d))) >>> 0;
  }
  state[0] += b0;
  state[1] += b1;
}
