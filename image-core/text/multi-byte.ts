/**
 * The East Asian charsets: one or two bytes a character, in GB18030 also four, in EUC-JP also three.
 *
 * The mappings are those of `TextDecoder` (Encoding Standard), spread out into a table when a
 * charset is first used: a table look-up a character instead of a call into ICU a name, and each
 * undecodable byte is known by itself. A table takes 5 ms to make and 300 KB.
 */
import { TextDecoder } from "node:util";
import type { Character, ReadCharacter } from "./decode-name.js";

const REPLACEMENT = "\ufffd";

/**
 * `overrides`: bytes that stand alone where the Encoding Standard has nothing or something else,
 * as Apple's variants do. ICU data lacking `label` throws a RangeError: node was built without it.
 */
export function multiByteReader(
  label: string,
  overrides: Readonly<Record<number, string>>,
): ReadCharacter {
  const decoder = new TextDecoder(label);
  const alone = singles(decoder);
  for (const [byte, text] of Object.entries(overrides)) alone[Number(byte)] = text;
  const pairs = pairTable(decoder);
  if (label === "euc-kr") addUnifiedHangul(pairs);
  const strict = new TextDecoder(label, { fatal: true, ignoreBOM: true });
  const four = label === "gb18030";
  const three = label === "euc-jp";
  return (bytes, at, end, character) => {
    const lead = bytes[at];
    const single = alone[lead];
    if (single !== undefined) return take(character, single, 1);
    if (at + 1 >= end) return false;
    const pair = pairs[((lead - 0x80) << 8) | bytes[at + 1]];
    if (pair !== undefined) return take(character, pair, 2);
    if (four && bytes[at + 1] >= 0x30 && bytes[at + 1] <= 0x39) {
      return takeLonger(strict, bytes, at, end, 4, character);
    }
    if (three && lead === 0x8f) return takeLonger(strict, bytes, at, end, 3, character);
    return false;
  };
}

function take(character: Character, text: string, length: number): boolean {
  character.text = text;
  character.length = length;
  return true;
}

/** A sequence too rare for a table. */
function takeLonger(
  strict: TextDecoder,
  bytes: Uint8Array,
  at: number,
  end: number,
  length: number,
  character: Character,
): boolean {
  if (at + length > end) return false;
  let text: string;
  try {
    text = strict.decode(bytes.subarray(at, at + length));
  } catch (error) {
    // What a fatal decoder says of bytes that are no character.
    if (error instanceof TypeError) return false;
    throw error;
  }
  if (text.length === 0 || text.length > 2 || text.includes(REPLACEMENT)) return false;
  return take(character, text, length);
}

/** What each byte means by itself; undefined for lead bytes and undefined ones. */
function singles(decoder: TextDecoder): (string | undefined)[] {
  const alone = new Array<string | undefined>(256);
  const byte = new Uint8Array(1);
  for (let value = 0; value < 256; value++) {
    byte[0] = value;
    // ICU's Shift_JIS swaps three control characters, after IBM's.
    const text = value < 0x80 ? String.fromCharCode(value) : decoder.decode(byte);
    // ICU passes some undefined bytes through as C1 controls.
    if (isCharacter(text) && text.length === 1) alone[value] = text;
  }
  return alone;
}

/** What each pair of bytes means, by lead byte less 0x80 and trail byte. */
function pairTable(decoder: TextDecoder): (string | undefined)[] {
  // Line feeds are never trail bytes, so a pair, however wrong, cannot reach beyond its line.
  const lines = new Uint8Array(0x80 * 0x100 * 3);
  let at = 0;
  for (let lead = 0x80; lead < 0x100; lead++) {
    for (let trail = 0; trail < 0x100; trail++) {
      lines[at++] = lead;
      lines[at++] = trail === 0x0a ? 0 : trail;
      lines[at++] = 0x0a;
    }
  }
  const texts = decoder.decode(lines).split("\n");
  const table = new Array<string | undefined>(0x80 * 0x100);
  for (let i = 0; i < table.length; i++) {
    const text = texts[i];
    // Two characters: the pair is none, its bytes stand alone.
    const length = text.length === 2 && isHighSurrogate(text) ? 1 : text.length;
    if ((i & 0xff) >= 0x30 && length === 1 && isCharacter(text)) table[i] = text;
  }
  return table;
}

/**
 * The syllables of CP949 that EUC-KR, and ICU under either name, lacks: all that are not in KS X 1001,
 * in Unicode order, on the free trail bytes from 0x8141 on.
 */
function addUnifiedHangul(table: (string | undefined)[]): void {
  const known = new Set(table);
  let syllable = 0xac00;
  for (let lead = 0x81; lead <= 0xc6; lead++) {
    const lastTrail = lead <= 0xa0 ? 0xfe : 0xa0;
    for (let trail = 0x41; trail <= lastTrail; trail++) {
      if ((trail > 0x5a && trail < 0x61) || (trail > 0x7a && trail < 0x81)) continue;
      while (known.has(String.fromCharCode(syllable))) syllable++;
      if (syllable > 0xd7a3) return;
      table[((lead - 0x80) << 8) | trail] = String.fromCharCode(syllable++);
    }
  }
}

function isCharacter(text: string): boolean {
  if (text.length === 0 || text.includes(REPLACEMENT)) return false;
  const first = text.charCodeAt(0);
  return first < 0x80 || first > 0x9f;
}

function isHighSurrogate(text: string): boolean {
  return (text.charCodeAt(0) & 0xfc00) === 0xd800;
}
