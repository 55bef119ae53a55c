/** How likely a character is in a name, by the script that the name would be in. */
import {
  frequentHangul,
  frequentKanji,
  frequentSimplified,
  frequentTraditional,
  russianLetters,
} from "./frequent-characters.js";

/** One character of a name, and the bytes it was read from. */
export interface NameCharacter {
  /** Empty where the byte means nothing. */
  text: string;
  lead: number;
  /** The second byte; -1 where there is none. */
  trail: number;
  /** In bytes. */
  length: number;
}

/** The logarithm of the probability of the character at `index`, which is not ASCII. */
export type NameModel = (name: readonly NameCharacter[], index: number) => number;

/** Private use, four-byte sequences: possible, and never seen. */
const UNHEARD_OF = -18;
const SYMBOL = -9;

/** `kindShare` of all characters fall evenly on `kindSize` of them. */
function share(kindShare: number, kindSize: number): number {
  return Math.log(kindShare / kindSize);
}

const kana = share(0.62, 170);
const halfWidthKana = share(0.3, 63);
const japaneseMark = share(0.1, 60);
const oftenKanji = share(0.25, frequentKanji.size);
const firstLevelKanji = share(0.1, 2965);

/** `firstLead`, `lastLead`: lead bytes of the kanji of JIS level 1, which hold the everyday ones. */
export function japanese(firstLead: number, lastLead: number): NameModel {
  return (name, index) => {
    const { text, lead, length } = name[index];
    const codePoint = text.codePointAt(0)!;
    if (codePoint >= 0x3041 && codePoint <= 0x30fe) return kana;
    if (codePoint >= 0xff61 && codePoint <= 0xff9f) {
      // Names in half-width kana hold nothing else but ASCII.
      const before = neighbour(name, index - 1);
      const after = neighbour(name, index + 1);
      const alone = isWide(before) || isWide(after);
      return alone ? halfWidthKana - 4 : halfWidthKana;
    }
    if (frequentKanji.has(text)) return oftenKanji;
    if (isJapaneseMark(codePoint)) return japaneseMark;
    if (codePoint >= 0x4e00 && codePoint <= 0x9fff) {
      return lead >= firstLead && lead <= lastLead ? firstLevelKanji : -13;
    }
    return isPrivateUse(codePoint) || length > 2 ? UNHEARD_OF : SYMBOL;
  };
}

function isJapaneseMark(codePoint: number): boolean {
  if (codePoint >= 0x3000 && codePoint <= 0x3015) return true;
  return codePoint >= 0xff01 && codePoint <= 0xff5e;
}

function isWide(codePoint: number): boolean {
  return codePoint >= 0x3000 && (codePoint < 0xff61 || codePoint > 0xff9f);
}

const oftenSimplified = share(0.7, frequentSimplified.size);
const firstLevelHanzi = share(0.25, 3755);
const secondLevelHanzi = share(0.03, 3008);

export const simplified: NameModel = (name, index) => {
  const { text, lead, trail, length } = name[index];
  if (frequentSimplified.has(text)) return oftenSimplified;
  if (length > 2 || isPrivateUse(text.codePointAt(0)!)) return UNHEARD_OF;
  if (trail >= 0xa1) {
    if (lead >= 0xb0 && lead <= 0xd7) return firstLevelHanzi;
    if (lead >= 0xd8 && lead <= 0xf7) return secondLevelHanzi;
    if (lead === 0xa1 || lead === 0xa3) return SYMBOL + 1;
    if (lead >= 0xa1 && lead <= 0xa9) return SYMBOL - 1;
  }
  // What only GBK has beyond GB 2312.
  return -14;
};

const oftenTraditional = share(0.7, frequentTraditional.size);
const firstLevelBig5 = share(0.27, 5401);

export const traditional: NameModel = (name, index) => {
  const { text, lead } = name[index];
  if (frequentTraditional.has(text)) return oftenTraditional;
  if (isPrivateUse(text.codePointAt(0)!)) return UNHEARD_OF;
  if (lead >= 0xa4 && lead <= 0xc6) return firstLevelBig5;
  if (lead >= 0xa1 && lead <= 0xa3) return SYMBOL;
  return lead >= 0xc9 && lead <= 0xf9 ? -13 : -16;
};

const oftenHangul = share(0.8, frequentHangul.size);
const otherHangul = share(0.17, 2350);

export const hangul: NameModel = (name, index) => {
  const { text, lead, trail } = name[index];
  if (frequentHangul.has(text)) return oftenHangul;
  if (isPrivateUse(text.codePointAt(0)!)) return UNHEARD_OF;
  if (trail >= 0xa1) {
    if (lead >= 0xb0 && lead <= 0xc8) return otherHangul;
    if (lead >= 0xca && lead <= 0xfd) return -12;
    return SYMBOL;
  }
  // Syllables that only CP949 has.
  return -14;
};

/** Capital Cyrillic and small letters are told apart by their word, so both cost the same. */
const EITHER_CASE = Math.log(0.5);

export const cyrillic: NameModel = (name, index) => {
  const { text } = name[index];
  const codePoint = text.codePointAt(0)!;
  const before = neighbour(name, index - 1);
  if (codePoint < 0x400 || codePoint > 0x52f) return symbol(codePoint);
  const perThousand = russianLetters[text.toLowerCase()];
  let score = perThousand === undefined ? -6.5 : Math.log(perThousand / 1000);
  score += EITHER_CASE;
  // Words do not mix scripts.
  if (isAsciiLetter(before) || isAsciiLetter(neighbour(name, index + 1))) score -= 3;
  if (!isLetter(before)) return score;
  if (isUpper(text)) return isUpper(String.fromCodePoint(before)) ? score : score - 5;
  // A small letter behind two capitals.
  const wordBefore = neighbour(name, index - 2);
  const shouted = isUpper(String.fromCodePoint(before)) && isLetter(wordBefore);
  return shouted ? score - 4 : score;
};

/** Names in ASCII with accented letters here and there, as many per thousand of these as said. */
export function latin(perThousand: Readonly<Record<string, number>>): NameModel {
  return (name, index) => {
    const { text } = name[index];
    const codePoint = text.codePointAt(0)!;
    const share = perThousand[text.toLowerCase()];
    if (share === undefined && !/^\p{Script=Latin}$/u.test(text)) return symbol(codePoint);
    let score = share === undefined ? -9 : Math.log(share / 1000);
    const before = neighbour(name, index - 1);
    const after = neighbour(name, index + 1);
    if (!isLetter(before) && !isLetter(after)) score -= 1.5;
    if (before >= 0x80 && isLetter(before)) score -= 1.5;
    if (isUpper(text)) {
      score -= 0.7;
      if (isLetter(before) && !isUpper(String.fromCodePoint(before))) score -= 5;
      // A capital at a word's beginning may be followed by either; within it, only by capitals.
      else if (isLetter(before) && isLetter(after) && !isUpper(String.fromCodePoint(after)))
        score -= 4;
    } else if (isLetter(before) && isUpper(String.fromCodePoint(before))) {
      const word = neighbour(name, index - 2);
      const shouted = isLetter(word) && isUpper(String.fromCodePoint(word));
      const shouting = isLetter(after) && isUpper(String.fromCodePoint(after));
      if ((shouted || shouting) && text !== "ß") score -= 4;
    } else if (isLetter(after) && isUpper(String.fromCodePoint(after))) score -= 3;
    return score;
  };
}

/** A character that is no letter of the script. */
function symbol(codePoint: number): number {
  if (usualMarks.has(codePoint)) return -6.5;
  // Frames and blocks of the DOS screen.
  if (codePoint >= 0x2500 && codePoint <= 0x25ff) return -11;
  return isPrivateUse(codePoint) ? UNHEARD_OF : -9;
}

const usualMarks = new Set([..."™®©°–—’‘“”«»…½²³ªº¿¡№ "].map((mark) => mark.codePointAt(0)));

/** The code point at `index`; 0 outside the name and for bytes that mean nothing. */
function neighbour(name: readonly NameCharacter[], index: number): number {
  return name[index]?.text.codePointAt(0) ?? 0;
}

function isAsciiLetter(codePoint: number): boolean {
  const letter = codePoint | 0x20;
  return codePoint < 0x80 && letter >= 0x61 && letter <= 0x7a;
}

function isLetter(codePoint: number): boolean {
  if (codePoint < 0x80) return isAsciiLetter(codePoint);
  return /^\p{L}$/u.test(String.fromCodePoint(codePoint));
}

function isUpper(text: string): boolean {
  return text !== text.toLowerCase();
}

function isPrivateUse(codePoint: number): boolean {
  return codePoint >= 0xe000 && codePoint <= 0xf8ff;
}
