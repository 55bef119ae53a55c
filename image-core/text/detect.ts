/**
 * Which charset stored names are in, judged by a sample of them.
 *
 * A scorer of our own, because the packages are made for pages of text. Names are not text: a handful
 * of characters each, many of them ASCII, whole words in capitals, all of one disc in one charset. Of
 * the 55 discs in test/unit/text/detect.test.ts it reads all, jschardet 41, chardet 22; of their 171
 * names taken one by one it reads 163, jschardet 115, chardet 39.
 *
 * The method: for each candidate the probability of these bytes, were they written in it, as a sum
 * of logarithms over characters. What one candidate reads as two letters another reads as one
 * ideograph, so sums over the same bytes compare. How likely a character is follows from the kind it
 * is of (name-models.ts) and from what stands around it.
 */
import { type Charset, characterReader, charsetById } from "./charset.js";
import type { Character } from "./decode-name.js";
import { centralLetters, westernLetters } from "./frequent-characters.js";
import {
  cyrillic,
  hangul,
  japanese,
  latin,
  type NameCharacter,
  type NameModel,
  simplified,
  traditional,
} from "./name-models.js";
import { readUtf8Character, utf8Length } from "./utf8.js";

interface Candidate {
  id: string;
  model: NameModel;
  /** Logarithm of how common such names are on discs at all: it decides between near equals. */
  prior: number;
}

const western = latin(westernLetters);
const central = latin(centralLetters);
const candidates: readonly Candidate[] = [
  { id: "shift_jis", model: japanese(0x88, 0x98), prior: 0 },
  { id: "gb18030", model: simplified, prior: 0 },
  { id: "big5", model: traditional, prior: -0.5 },
  { id: "euc-kr", model: hangul, prior: -0.5 },
  { id: "euc-jp", model: japanese(0xb0, 0xcf), prior: -1 },
  { id: "windows-1252", model: western, prior: 0.5 },
  { id: "cp437", model: western, prior: 0 },
  { id: "cp850", model: western, prior: -0.5 },
  { id: "macroman", model: western, prior: -1 },
  { id: "windows-1251", model: cyrillic, prior: 0 },
  { id: "cp866", model: cyrillic, prior: -0.3 },
  { id: "koi8-r", model: cyrillic, prior: -0.7 },
  { id: "windows-1250", model: central, prior: -2.5 },
  { id: "cp852", model: central, prior: -3 },
];

/**
 * Of the Mac's scripts. Nearly every volume is Mac Roman, and holds few names that could tell: the
 * others must explain what there is far better.
 */
const macCandidates: readonly Candidate[] = [
  { id: "macroman", model: western, prior: 0 },
  { id: "macjapanese", model: japanese(0x88, 0x98), prior: -8 },
  { id: "macchinesesimp", model: simplified, prior: -8 },
  { id: "macchinesetrad", model: traditional, prior: -8 },
  { id: "mackorean", model: hangul, prior: -8 },
  { id: "maccyrillic", model: cyrillic, prior: -8 },
  // Linux writes Latin-1 unless it is told otherwise.
  { id: "windows-1252", model: western, prior: -8 },
];

/**
 * What Mac Roman has beside letters, as folders and applications of every country are named with:
 * the florin, bullet, trade mark, quotation marks and the like.
 */
const macRomanSymbols: ReadonlySet<number> = new Set(
  Buffer.from(
    "a0a1a2a3a4a5a6a8a9aaabacadb0b1b2b3b4b5b6b7b8b9babbbcbdc1c2c3c4c5c6c7c8c9cad0d1d2d3d4d5d6d7dadbdcdddfe0e1e2e3e4f0",
    "hex",
  ),
);

/** A byte that no character of the charset explains. */
const UNDEFINED_BYTE = -15;
/** A lead byte at a name's end: names get cut to their field. */
const CUT_CHARACTER = -4;
/** ASCII, the same in every candidate; a trail byte in the ASCII range saves its cost. */
const ASCII_BYTE = -3;

const MAX_NAMES = 400;
const MAX_BYTES = 16 * 1024;

/** `samples`: names as stored, any number; those in ASCII are skipped. None left: UTF-8. */
export function detectCharset(samples: readonly Uint8Array[]): Charset {
  const names = telling(samples, isNotAscii);
  if (areUtf8(names)) return charsetById("utf-8");
  return charsetById(bestOf(candidates, names).id);
}

/** The same for names of classic Mac volumes. None that tell: Mac Roman. */
export function detectMacCharset(samples: readonly Uint8Array[]): Charset {
  const names = telling(samples, (byte) => byte >= 0x80 && !macRomanSymbols.has(byte));
  return charsetById(bestOf(macCandidates, names).id);
}

function isNotAscii(byte: number): boolean {
  return byte >= 0x80;
}

/** As many as are worth judging. */
function telling(samples: readonly Uint8Array[], tells: (byte: number) => boolean): Uint8Array[] {
  const names: Uint8Array[] = [];
  let bytes = 0;
  for (const name of samples) {
    if (!name.some(tells)) continue;
    names.push(name);
    bytes += name.length;
    if (names.length === MAX_NAMES || bytes >= MAX_BYTES) break;
  }
  return names;
}

/** What DOS and Windows call OEM code pages: those of FAT's short names. */
const OEM = ["cp437", "cp850", "cp852", "cp866", "shift_jis", "gb18030", "big5", "euc-kr"];
const oemCandidates = candidates.filter(({ id }) => OEM.includes(id));
const DEFAULT_OEM = "cp437";
/** How many times likelier (as a logarithm) another must be: names that are noise stay as every reader shows them. */
const OEM_MARGIN = 6;

/** Among the OEM code pages: code page 437, the usual default, unless another is plainly meant. */
export function detectOemCharset(samples: readonly Uint8Array[]): Charset {
  const names = telling(samples, isNotAscii);
  const others = oemCandidates.filter(({ id }) => id !== DEFAULT_OEM);
  const usual = bestOf(
    oemCandidates.filter(({ id }) => id === DEFAULT_OEM),
    names,
  );
  const best = bestOf(others, names);
  return charsetById(best.score > usual.score + OEM_MARGIN ? best.id : DEFAULT_OEM);
}

function bestOf(among: readonly Candidate[], names: readonly Uint8Array[]) {
  let best = { id: among[0].id, score: Number.NEGATIVE_INFINITY };
  for (const candidate of among) {
    let score = candidate.prior;
    for (const name of names) score += nameScore(name, candidate);
    if (score > best.score) best = { id: candidate.id, score };
  }
  return best;
}

/** All valid, but for a character cut off at a name's end. */
function areUtf8(names: readonly Uint8Array[]): boolean {
  const character: Character = { text: "", length: 0 };
  let whole = names.length === 0;
  for (const name of names) {
    for (let i = 0; i < name.length; i += character.length) {
      if (!readUtf8Character(name, i, name.length, character)) {
        if (i + utf8Length(name[i]) <= name.length) return false;
        break;
      }
      if (character.length > 1) whole = true;
    }
  }
  return whole;
}

function nameScore(name: Uint8Array, candidate: Candidate): number {
  const readCharacter = characterReader(candidate.id);
  const character: Character = { text: "", length: 0 };
  const characters: NameCharacter[] = [];
  let score = 0;
  for (let i = 0; i < name.length; ) {
    const lead = name[i];
    if (readCharacter(name, i, name.length, character)) {
      const { text, length } = character;
      characters.push({ text, lead, trail: length > 1 ? name[i + 1] : -1, length });
      i += length;
    } else {
      characters.push({ text: "", lead, trail: -1, length: 1 });
      score += i === name.length - 1 ? CUT_CHARACTER : UNDEFINED_BYTE;
      i++;
    }
  }
  for (let i = 0; i < characters.length; i++) {
    const { text, lead } = characters[i];
    if (text === "") continue;
    score += lead < 0x80 ? ASCII_BYTE : candidate.model(characters, i);
  }
  return score;
}
