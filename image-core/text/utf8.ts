/** UTF-8 (RFC 3629), one character at a time: no overlong form, no surrogate, nothing past U+10FFFF. */
import type { Character } from "./decode-name.js";

export function readUtf8Character(
  bytes: Uint8Array,
  at: number,
  end: number,
  character: Character,
): boolean {
  const lead = bytes[at];
  if (lead < 0x80) {
    character.text = String.fromCharCode(lead);
    character.length = 1;
    return true;
  }
  const length = utf8Length(lead);
  if (length === 0 || at + length > end) return false;
  let codePoint = lead & (0x7f >> length);
  for (let i = 1; i < length; i++) {
    const byte = bytes[at + i];
    if ((byte & 0xc0) !== 0x80) return false;
    codePoint = (codePoint << 6) | (byte & 0x3f);
  }
  if (length === 3 && (codePoint < 0x800 || (codePoint >= 0xd800 && codePoint <= 0xdfff))) {
    return false;
  }
  if (length === 4 && (codePoint < 0x10000 || codePoint > 0x10ffff)) return false;
  character.text = String.fromCodePoint(codePoint);
  character.length = length;
  return true;
}

/** Bytes in the character that `lead` begins; 0 where it begins none. */
export function utf8Length(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead < 0xc2) return 0;
  if (lead < 0xe0) return 2;
  if (lead < 0xf0) return 3;
  return lead < 0xf5 ? 4 : 0;
}
