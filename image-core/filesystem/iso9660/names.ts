/** From file identifiers to the names that are shown. */
import type { Charset } from "../../text/charset.js";
import { utf16Name } from "../../text/utf16.js";

const SEMICOLON = 0x3b;
const DOT = 0x2e;

/** How a tree spells its file identifiers. */
export interface Spelling {
  kind: "plain" | "enhanced" | "joliet";
  charset: Charset;
  /** Joliet's UCS-2, which some writers got the wrong way round. */
  littleEndian: boolean;
}

/** An identifier taken apart (ECMA-119 7.5.1). Reused: one for each reader. */
export class Identifier {
  /** Behind the last byte of name and extension. */
  nameEnd = 0;
  /** 0 where there is none. */
  version = 0;

  /** Finds the version number of the identifier from `start` to `end`. `width`: bytes a character. */
  split(bytes: Uint8Array, start: number, end: number, spelling: Spelling): void {
    const width = spelling.kind === "joliet" ? 2 : 1;
    const low = width === 1 || spelling.littleEndian ? 0 : 1;
    const whole = end - ((end - start) % width);
    this.nameEnd = whole;
    this.version = 0;
    let version = 0;
    let scale = 1;
    for (let at = whole - width; at > start && scale <= 100_000; at -= width) {
      const character = bytes[at + low];
      if (width === 2 && bytes[at + 1 - low] !== 0) return;
      if (character === SEMICOLON) {
        if (scale > 1 && version >= 1 && version <= 32767) {
          this.version = version;
          this.nameEnd = at;
        }
        return;
      }
      if (character < 0x30 || character > 0x39) return;
      version += (character - 0x30) * scale;
      scale *= 10;
    }
  }
}

/** What is shown for the identifier from `start` to `nameEnd` (version taken off). */
export function spell(
  bytes: Uint8Array,
  start: number,
  nameEnd: number,
  spelling: Spelling,
): string {
  let end = nameEnd;
  if (spelling.kind === "joliet") {
    const low = spelling.littleEndian ? 0 : 1;
    // As Linux does: Windows writes `name.` for `name`, and knows no name that ends in a dot.
    while (end - start > 2 && bytes[end - 2 + low] === DOT && bytes[end - 1 - low] === 0) end -= 2;
    return utf16Name(bytes, start, end, spelling.littleEndian);
  }
  if (spelling.kind === "enhanced") return spelling.charset.decode(bytes, start, end);
  // The dot is obligatory between name and extension, even where the extension is empty.
  if (end - start > 1 && bytes[end - 1] === DOT) end--;
  return lowerCase(spelling.charset.decode(bytes, start, end));
}

/** ASCII letters only, as Linux's `map=normal`; escapes of the text layer keep their digits. */
function lowerCase(name: string): string {
  let ascii = true;
  for (let i = 0; i < name.length && ascii; i++) ascii = name.charCodeAt(i) < 0x80;
  if (ascii) return name.toLowerCase();
  return name.replace(/\u241b(?:u[0-9A-F]{4}|[0-9A-F]{2})|[A-Z]+/g, (part) =>
    part.charCodeAt(0) === 0x241b ? part : part.toLowerCase(),
  );
}

/** A volume or system identifier without its padding. */
export function label(bytes: Uint8Array, spelling: Spelling): string {
  const width = spelling.kind === "joliet" ? 2 : 1;
  let end = bytes.length - (bytes.length % width);
  while (end > 0) {
    const a = bytes[end - 1];
    const b = width === 2 ? bytes[end - 2] : 0;
    const unit = spelling.littleEndian ? b | (a << 8) : a | (b << 8);
    // 0x2020: padded as if characters were bytes.
    if (unit !== 0x20 && unit !== 0 && unit !== 0x2020) break;
    end -= width;
  }
  if (end === 0) return "";
  const text =
    width === 2
      ? utf16Name(bytes, 0, end, spelling.littleEndian)
      : spelling.charset.decode(bytes, 0, end);
  return text.trim();
}
