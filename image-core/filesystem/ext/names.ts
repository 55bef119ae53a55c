/** Names as stored (bytes, by convention UTF-8) to names as shown, without loss. */
import { type Character, decodeName } from "../../text/decode-name.js";
import { escapeByte } from "../../text/escape.js";
import { readUtf8Character } from "../../text/utf8.js";

/** A directory entry's name: safe to show. */
export function entryName(bytes: Uint8Array, start: number, end: number): string {
  return decodeName(bytes, start, end, readUtf8Character, true);
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text that is no name, as a link's target: bytes that are not UTF-8 are escaped, nothing else. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  const character: Character = { text: "", length: 0 };
  let text = "";
  for (let i = 0; i < bytes.length; ) {
    if (readUtf8Character(bytes, i, bytes.length, character)) {
      text += character.text;
      i += character.length;
    } else text += escapeByte(bytes[i++]);
  }
  return text;
}

/** s_volume_name: up to 16 bytes, zero-terminated where shorter. */
export function volumeLabel(field: Uint8Array): string {
  const zero = field.indexOf(0);
  const length = zero < 0 ? field.length : zero;
  return length === 0 ? "" : entryName(field, 0, length);
}
