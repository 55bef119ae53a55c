/** From a passphrase to the two keys of an encrypted image. */
import { createDecipheriv, pbkdf2Sync } from "node:crypto";
import { corrupt, ImageError } from "../../errors.js";
import type { OpenContext } from "../../format.js";
import {
  FORMAT,
  type HeaderV2,
  type KeyBlob,
  type KeyDerivation,
  type TrailerV1,
} from "./structs.js";

/**
 * Of all keys of an image together. Apple aims at a tenth of a second and writes some hundred
 * thousand; this takes half a minute.
 */
const MAX_ITERATIONS = 50_000_000;
const HMAC_KEY_BYTES = 20;
/** What Apple writes behind the keys of version 2. */
const KEY_MARK = Buffer.from("CKIE\0");
/** RFC 3217, section 3: the fixed vector of the outer encryption. */
const WRAP_IV = Buffer.from("4adda22c79e82105", "hex");
/** A length of 0 before the key of version 1. */
const V1_PREFIX_BYTES = 4;

export interface ImageKeys {
  aes: Uint8Array;
  hmac: Uint8Array;
}

/** Throws `encrypted` without a passphrase, `wrong-passphrase` with another, `limit`. */
export function unlockV2(header: HeaderV2, context: OpenContext): ImageKeys {
  checkIterations(header.keys.map(({ derivation }) => derivation));
  return withPassphrase(context, (passphrase) => {
    for (const { derivation, blob } of header.keys) {
      const wrapping = deriveKey(passphrase, derivation, blob.keyBits);
      const plain = decipher(blob.cipher, wrapping, blob.iv, blob.data);
      wrapping.fill(0);
      const aesBytes = header.keyBits / 8;
      const end = aesBytes + HMAC_KEY_BYTES;
      // A wrong key passes the padding once in 256 times, but not the mark.
      if (plain?.length !== end + KEY_MARK.length) continue;
      if (!plain.subarray(end).equals(KEY_MARK)) continue;
      return { aes: plain.subarray(0, aesBytes), hmac: plain.subarray(aesBytes, end) };
    }
    return undefined;
  });
}

/** As `unlockV2`. */
export function unlockV1(trailer: TrailerV1, context: OpenContext): ImageKeys {
  checkIterations([trailer.derivation]);
  return withPassphrase(context, (passphrase) => {
    const wrapping = deriveKey(passphrase, trailer.derivation, trailer.aesKey.keyBits);
    const aes = unwrap(trailer.aesKey, wrapping);
    const hmac = unwrap(trailer.hmacKey, wrapping);
    wrapping.fill(0);
    if (aes?.length !== trailer.keyBits / 8 || hmac?.length !== HMAC_KEY_BYTES) return undefined;
    return { aes, hmac };
  });
}

function withPassphrase(
  context: OpenContext,
  unlock: (passphrase: Uint8Array) => ImageKeys | undefined,
): ImageKeys {
  const passphrase = context.passphrase();
  try {
    const keys = unlock(passphrase);
    if (keys !== undefined) return keys;
  } finally {
    passphrase.fill(0);
  }
  throw new ImageError("wrong-passphrase", FORMAT, "the passphrase does not open this image");
}

function deriveKey(passphrase: Uint8Array, derivation: KeyDerivation, keyBits: number): Buffer {
  const { iterationCount, salt } = derivation;
  return pbkdf2Sync(passphrase, salt, iterationCount, keyBits / 8, "sha1");
}

/** Before a passphrase is asked for: a wrong one is tried against every key. */
function checkIterations(derivations: readonly KeyDerivation[]): void {
  let total = 0;
  for (const { iterationCount } of derivations) {
    if (iterationCount === 0) throw corrupt(FORMAT, "key derivation", 0, "0 iterations");
    total += iterationCount;
  }
  if (total > MAX_ITERATIONS) {
    throw new ImageError(
      "limit",
      FORMAT,
      `a key derivation of ${total} iterations; at most ${MAX_ITERATIONS} are granted`,
    );
  }
}

/** CMS key unwrapping with 3DES (RFC 3217): decrypt, reverse, decrypt with the vector in front. */
function unwrap(blob: KeyBlob, wrapping: Buffer): Buffer | undefined {
  const outer = decipher(blob.cipher, wrapping, WRAP_IV, blob.data);
  if (outer === undefined || outer.length < 16) return undefined;
  outer.reverse();
  const inner = decipher(blob.cipher, wrapping, outer.subarray(0, 8), outer.subarray(8));
  return inner?.subarray(V1_PREFIX_BYTES);
}

/** Undefined where the padding is wrong, as it is under a wrong key. */
function decipher(
  cipher: string,
  key: Uint8Array,
  iv: Uint8Array,
  data: Uint8Array,
): Buffer | undefined {
  const blockSize = iv.length;
  if (data.length === 0 || data.length % blockSize !== 0) {
    throw corrupt(FORMAT, "wrapped key", 0, `${data.length} bytes`);
  }
  const decoder = createDecipheriv(cipher, key, iv);
  decoder.setAutoPadding(false);
  const plain = Buffer.concat([decoder.update(data), decoder.final()]);
  const padding = plain[plain.length - 1];
  if (padding === 0 || padding > blockSize) return undefined;
  for (let i = plain.length - padding; i < plain.length; i++) {
    if (plain[i] !== padding) return undefined;
  }
  return plain.subarray(0, plain.length - padding);
}
