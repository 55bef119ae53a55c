/**
 * Opens encrypted disk images by their passphrase. What is inside is a disk or another container
 * (UDIF, a sparse image), which the opener finds by looking again.
 *
 * Not read: images that open with a certificate only.
 */
import { corrupt, ImageError } from "../../errors.js";
import type { Medium, OpenContext } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { readExactly } from "../../source/read-exactly.js";
import { SliceSource } from "../../source/slice-source.js";
import { EncryptedSource, type SparseSource } from "./encrypted-source.js";
import { type ImageKeys, unlockV1, unlockV2 } from "./keys.js";
import { isHeaderV2 } from "./signatures.js";
import {
  type Cipher,
  decodeHeaderV2,
  decodeTrailerV1,
  FORMAT,
  V1_TRAILER_BYTES,
  V2_MAX_HEADER_BYTES,
} from "./structs.js";

export function open(source: ByteSource, context: OpenContext): Medium {
  const { cipher, keys, version } = unlock(source, context);
  const room = source.size - cipher.dataOffset - (version === 1 ? V1_TRAILER_BYTES : 0);
  const stored = new SliceSource(source, cipher.dataOffset, room);
  const warnings: string[] = [];
  if (stored.size < cipher.dataSize) {
    warnings.push(`the image holds ${stored.size} of ${cipher.dataSize} encrypted bytes`);
  }
  return {
    source: new EncryptedSource(stored, cipher, keys, context.chunkStore),
    sectorSize: 512,
    details: { encryption: `AES-${cipher.keyBits}`, version, blockSize: cipher.blockSize },
    warnings,
  };
}

/**
 * The plain bytes of a sparse bundle's bands; `token` is the bundle's file of that name, which
 * holds an image's header without its data.
 */
export function openBands(
  token: ByteSource,
  bands: SparseSource,
  bandSize: number,
  size: number,
  context: OpenContext,
): ByteSource {
  const { cipher, keys } = unlock(token, context);
  if (bandSize % cipher.blockSize !== 0) {
    throw corrupt(
      FORMAT,
      "token",
      0,
      `blocks of ${cipher.blockSize} in bands of ${bandSize} bytes`,
    );
  }
  return new EncryptedSource(bands, { ...cipher, dataSize: size }, keys, context.chunkStore);
}

function unlock(
  source: ByteSource,
  context: OpenContext,
): { cipher: Cipher; keys: ImageKeys; version: number } {
  const head = readExactly(source, 0, Math.min(source.size, V2_MAX_HEADER_BYTES), FORMAT, "header");
  if (isHeaderV2(head)) {
    const header = decodeHeaderV2(head);
    return { cipher: header, keys: unlockV2(header, context), version: 2 };
  }
  if (source.size < V1_TRAILER_BYTES) {
    throw new ImageError("truncated", FORMAT, `${source.size} bytes hold no header`);
  }
  const trailer = decodeTrailerV1(
    readExactly(source, source.size - V1_TRAILER_BYTES, V1_TRAILER_BYTES, FORMAT, "trailer"),
  );
  return { cipher: trailer, keys: unlockV1(trailer, context), version: 1 };
}
