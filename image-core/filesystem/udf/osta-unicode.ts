/** OSTA Compressed Unicode (UDF 2.1.1): a compression id, then 8 or 16 bits a character. */
import { charsetById } from "../../text/charset.js";
import { latin1 } from "../../text/decode-name.js";
import { safeName } from "../../text/escape.js";
import { utf16Name } from "../../text/utf16.js";
import { hashPlain } from "./name-hash.js";

const COMPRESSION_8 = 8;
const COMPRESSION_16 = 16;
/** As 8 and 16, of a name that was deleted but is still unique (UDF 2.3.4.2). */
const COMPRESSION_8_DELETED = 254;
const COMPRESSION_16_DELETED = 255;

/** A safe name; an unknown compression id shows as bytes. */
export function compressedName(bytes: Uint8Array, start: number, end: number): string {
  switch (bytes[start]) {
    case COMPRESSION_8:
    case COMPRESSION_8_DELETED:
      return safeName(latin1(bytes, start + 1, end));
    case COMPRESSION_16:
    case COMPRESSION_16_DELETED:
      return utf16Name(bytes, start + 1, end, false);
    default:
      return charsetById("utf-8").decode(bytes, start, end);
  }
}

/**
 * `hashName` of the same name, where that can be told from the bytes, which then are the name: one a
 * character behind the compression id. Otherwise -1.
 */
export function plainNameHash(bytes: Uint8Array, start: number, end: number): number {
  const id = bytes[start];
  if (id !== COMPRESSION_8 && id !== COMPRESSION_8_DELETED) return -1;
  return hashPlain(bytes, start + 1, end);
}

/** A label: a dstring of `length` bytes, the last of which counts the used ones (ECMA-167 1/7.2.12). */
export function dstring(bytes: Uint8Array, start: number, length: number): string {
  const used = Math.min(bytes[start + length - 1], length - 1);
  let text = "";
  if (bytes[start] === COMPRESSION_8) text = latin1(bytes, start + 1, start + Math.max(1, used));
  else if (bytes[start] === COMPRESSION_16) {
    for (let i = start + 1; i + 1 < start + used; i += 2) {
      text += String.fromCharCode((bytes[i] << 8) | bytes[i + 1]);
    }
  }
  // Writers that forget the length fill up with NULs.
  const nul = text.indexOf("\0");
  if (nul >= 0) text = text.slice(0, nul);
  // By way of UTF-8, which has no lone surrogates.
  return Buffer.from(text).toString().normalize("NFC");
}
