/** From stored bytes to a safe name, given how a charset reads one character. */
import { escapeByte, safeName } from "./escape.js";

/** One character read from bytes. Reused by the reader, so that names allocate nothing but text. */
export interface Character {
  text: string;
  /** In bytes. */
  length: number;
}

/** Reads the character at `at`, which lies before `end`; false where no character begins there. */
export type ReadCharacter = (
  bytes: Uint8Array,
  at: number,
  end: number,
  character: Character,
) => boolean;

const MARK = "\u241b";
const character: Character = { text: "", length: 0 };

/**
 * Any bytes; what `readCharacter` refuses is escaped byte by byte. `asciiIsItself`: the charset
 * reads all bytes below 0x80 as ASCII does (Mac Japanese does not).
 */
export function decodeName(
  bytes: Uint8Array,
  start: number,
  end: number,
  readCharacter: ReadCharacter,
  asciiIsItself: boolean,
): string {
  if (asciiIsItself && isPlainAscii(bytes, start, end)) return latin1(bytes, start, end);
  let name = "";
  // Normalised between the escapes only: an accent behind one would melt into its last digit.
  let plain = "";
  for (let i = start; i < end; ) {
    if (readCharacter(bytes, i, end, character)) {
      i += character.length;
      const { text } = character;
      if (text === MARK) plain += MARK + MARK;
      else if (text === "/" || text === "\0") plain += escapeByte(text.charCodeAt(0));
      else plain += text;
    } else {
      name += plain.normalize("NFC") + escapeByte(bytes[i]);
      plain = "";
      i++;
    }
  }
  name += plain.normalize("NFC");
  return name === "" || name === "." || name === ".." ? safeName(name) : name;
}

/** Nearly every name: shown as it stands. Short ones may be dots. */
function isPlainAscii(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start <= 2) return false;
  for (let i = start; i < end; i++) {
    const byte = bytes[i];
    if (byte >= 0x80 || byte === 0x2f || byte === 0) return false;
  }
  return true;
}

// Twice as fast as any other way from bytes to a short string, and it works on every Uint8Array.
const { latin1Slice } = Buffer.prototype as unknown as {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
};

/** Bytes below 0x80 as text. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  return latin1Slice.call(bytes, start, end);
}
