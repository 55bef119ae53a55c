/**
 * The escape for what cannot stand in a file name, reversible and the same for every format:
 * `␛XX` with two upper-case hexadecimal digits for a byte, `␛uXXXX` for a lone UTF-16 surrogate.
 * The mark is U+241B SYMBOL FOR ESCAPE: visible, typable by copying, and all but unknown in real
 * names (a `%` would garble every name taken from a URL). A genuine mark is doubled.
 */

const MARK = "\u241b";
const HEX = "0123456789ABCDEF";

/** `␛XX` for one byte. */
export function escapeByte(byte: number): string {
  return `${MARK}${HEX[byte >> 4]}${HEX[byte & 15]}`;
}

/**
 * Makes a decoded name safe to show: NFC, without `/` and NUL, never `.`, `..` or empty, without
 * lone surrogates.
 */
export function safeName(name: string): string {
  let safe = "";
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    if (unit === 0 || unit === 0x2f) safe += escapeByte(unit);
    else if (unit === 0x241b) safe += MARK + MARK;
    else if (unit >= 0xd800 && unit <= 0xdfff) {
      const next = name.charCodeAt(i + 1);
      if (unit < 0xdc00 && next >= 0xdc00 && next <= 0xdfff) {
        safe += name[i] + name[i + 1];
        i++;
      } else safe += `${MARK}u${unit.toString(16).toUpperCase()}`;
    } else safe += name[i];
  }
  if (safe === "") return MARK;
  if (safe === ".") return escapeByte(0x2e);
  if (safe === "..") return escapeByte(0x2e) + escapeByte(0x2e);
  return safe.normalize("NFC");
}

/**
 * A safe name as text for people, where a `/` may stand: of a volume's label, which is no file's
 * name. What is no visible ASCII stays escaped.
 */
export function plainText(safe: string): string {
  return safe.replace(/\u241b(\u241b|[2-6][0-9A-F]|7[0-9A-E])/g, (_, escaped: string) =>
    escaped === MARK ? MARK : String.fromCharCode(Number.parseInt(escaped, 16)),
  );
}
