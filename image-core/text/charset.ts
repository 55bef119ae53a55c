/**
 * The charsets of stored names, by id and by every usual alias.
 *
 * Decoding is lossless: what a charset does not define becomes `␛XX`, byte by byte (escape.ts), so
 * the stored bytes follow from the name. Except where a charset stores one character in two ways,
 * and the character is worth more than the difference: windows-1258 (a letter with its accent, or
 * both apart), windows-1255 and -1256 (points in any order), CP932 (NEC's and IBM's extensions), EUC-KR (hanja by reading), EUC-JP, Big5 and
 * GB18030 (a few compatibility characters each), and UTF-8 where a name is not in NFC.
 *
 * C1 control characters count as undefined: no name means them, and a terminal obeys them.
 */
import { ImageError } from "../errors.js";
import { decodeName, type ReadCharacter } from "./decode-name.js";
import { multiByteReader } from "./multi-byte.js";
import { nearestWord } from "./nearest-word.js";
import { singleByteTables } from "./single-byte-tables.js";
import { readUtf8Character } from "./utf8.js";

export interface Charset {
  readonly id: string;
  /** The name that the bytes from `start` to `end` spell: NFC, safe to show (see escape.ts). */
  decode(bytes: Uint8Array, start: number, end: number): string;
}

/** Aliases that no rule of `normalized` makes equal to an id. */
const aliases: Readonly<Record<string, string>> = {
  utf8: "utf-8",
  ascii: "utf-8",
  usascii: "utf-8",
  sjis: "shift_jis",
  xsjis: "shift_jis",
  mskanji: "shift_jis",
  cp932: "shift_jis",
  ms932: "shift_jis",
  windows31j: "shift_jis",
  gb: "gb18030",
  gbk: "gb18030",
  gb2312: "gb18030",
  euccn: "gb18030",
  cp936: "gb18030",
  ms936: "gb18030",
  cp950: "big5",
  big5hkscs: "big5",
  cp949: "euc-kr",
  ms949: "euc-kr",
  uhc: "euc-kr",
  ksc5601: "euc-kr",
  ujis: "euc-jp",
  latin1: "windows-1252",
  l1: "windows-1252",
  iso88591: "windows-1252",
  latin2: "iso-8859-2",
  latin3: "iso-8859-3",
  latin4: "iso-8859-4",
  latin5: "windows-1254",
  iso88599: "windows-1254",
  iso885911: "windows-874",
  tis620: "windows-874",
  latin6: "iso-8859-10",
  latin7: "iso-8859-13",
  latin8: "iso-8859-14",
  latin9: "iso-8859-15",
  latin10: "iso-8859-16",
  ibm: "cp437",
  dos: "cp437",
  koi8: "koi8-r",
  macintosh: "macroman",
  mac: "macroman",
  macwestern: "macroman",
  maccenteuro: "maccentraleurope",
  macce: "maccentraleurope",
  maclatin2: "maccentraleurope",
  macukrainian: "maccyrillic",
  macshiftjis: "macjapanese",
  macromania: "macromanian",
  macicelandic: "maciceland",
};

/** Charsets that `TextDecoder` maps, by our id: its label, if another. */
const singleByteLabels: Readonly<Record<string, string>> = {
  "windows-874": "windows-874",
  ...Object.fromEntries(
    [0, 1, 2, 3, 4, 5, 6, 7, 8].map((n) => [`windows-125${n}`, `windows-125${n}`]),
  ),
  ...Object.fromEntries(
    [2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15].map((n) => [`iso-8859-${n}`, `iso-8859-${n}`]),
  ),
  cp866: "ibm866",
  "koi8-r": "koi8-r",
  "koi8-u": "koi8-u",
  maccyrillic: "x-mac-cyrillic",
};

interface MultiByte {
  label: string;
  /** Bytes that mean something else than in the Encoding Standard. */
  overrides: Readonly<Record<number, string>>;
}

const NBSP = "\u00a0";
const appleMarks = { 253: "\u00a9", 254: "\u2122", 255: "\u2026" };
const multiByte: Readonly<Record<string, MultiByte>> = {
  shift_jis: { label: "shift_jis", overrides: {} },
  "euc-jp": { label: "euc-jp", overrides: {} },
  gb18030: { label: "gb18030", overrides: { 128: "\u20ac" } },
  big5: { label: "big5", overrides: {} },
  "euc-kr": { label: "euc-kr", overrides: {} },
  macjapanese: {
    label: "shift_jis",
    overrides: { 92: "\u00a5", 128: "\\", 160: NBSP, ...appleMarks },
  },
  macchinesetrad: { label: "big5", overrides: { 160: NBSP, ...appleMarks } },
  macchinesesimp: { label: "gb18030", overrides: { 128: "\u00fc", 160: NBSP, ...appleMarks } },
  mackorean: {
    label: "euc-kr",
    overrides: {
      128: NBSP,
      129: "\u20a9",
      130: "\u2014",
      131: "\u00a9",
      254: "\u2122",
      255: "\u2026",
    },
  },
};

/** Every id, by its `normalized` form. */
const idsByName = new Map<string, string>();
for (const id of [
  ...Object.keys(singleByteTables),
  ...Object.keys(singleByteLabels),
  ...Object.keys(multiByte),
]) {
  idsByName.set(normalized(id), id);
}
for (const [alias, id] of Object.entries(aliases)) idsByName.set(alias, id);

/** Made when first asked for, kept for good: at most one a charset. */
const readers = new Map<string, ReadCharacter>();

/** Takes ids and aliases in any spelling (`Shift-JIS`, `CP437`); throws `option` for any other. */
export function charsetById(id: string): Charset {
  const known = idsByName.get(normalized(id));
  if (known === undefined) {
    const nearest = nearestWord(normalized(id), idsByName.keys());
    throw new ImageError(
      "option",
      "charset",
      `no charset is called ${JSON.stringify(id)}; the nearest is ${idsByName.get(nearest)}`,
    );
  }
  const readCharacter = characterReader(known);
  const asciiIsItself = known !== "macjapanese";
  return {
    id: known,
    decode: (bytes, start, end) => decodeName(bytes, start, end, readCharacter, asciiIsItself),
  };
}

/** How the charset with exactly this id reads one character. */
export function characterReader(id: string): ReadCharacter {
  let readCharacter = readers.get(id);
  if (readCharacter === undefined) {
    readCharacter = makeReader(id);
    readers.set(id, readCharacter);
  }
  return readCharacter;
}

/** `Windows_1252`, `cp1252`, `IBM-437`, `x-mac-roman`: one spelling for each. */
function normalized(id: string): string {
  const name = id.toLowerCase().replace(/[^a-z0-9]/g, "");
  const codePage = /^(?:cp|ibm|dos|oem|windows|win|x)?(\d{3,4})$/.exec(name)?.[1];
  if (codePage === undefined) return name.replace(/^xmac/, "mac");
  if (/^(125\d|874)$/.test(codePage)) return `windows${codePage}`;
  return `cp${codePage}`;
}

function makeReader(id: string): ReadCharacter {
  if (id === "utf-8") return readUtf8Character;
  if (Object.hasOwn(multiByte, id)) {
    return multiByteReader(multiByte[id].label, multiByte[id].overrides);
  }
  return singleByteReader(singleByteTables[id] ?? upperHalf(singleByteLabels[id]));
}

function upperHalf(label: string): string {
  return new TextDecoder(label).decode(Uint8Array.from({ length: 128 }, (_, i) => 128 + i));
}

/** `table`: what 0x80 to 0xFF mean. */
function singleByteReader(table: string): ReadCharacter {
  const characters = Array.from({ length: 256 }, (_, byte) =>
    byte < 0x80 ? String.fromCharCode(byte) : table[byte - 0x80],
  );
  return (bytes, at, _end, character) => {
    const text = characters[bytes[at]];
    if (text === "\ufffd" || (text >= "\x80" && text <= "\x9f")) return false;
    character.text = text;
    character.length = 1;
    return true;
  };
}
