/**
 * The escape for what cannot stand in a file name, reversible and the same for every format:
 * `%XX` with two upper-case hexadecimal digits for a byte (or, for a lone UTF-16 surrogate,
 * `%uXXXX`). A `%` in a name that is followed by what would read as an escape becomes `%25`, so
 * that no two different names ever meet.
 */

const HEX = "0123456789ABCDEF";

/** `%XX` for one byte. */
export function escapeByte(byte: number): string {
  return `%${HEX[byte >> 4]}${HEX[byte & 15]}`;
}

/** True if the text at `index` (a `%`) would be read as an escape. */
function looksEscaped(text: string, index: number): boolean {
  return /^%(?:[0-9A-F]{2}|u[0-9A-F]{4})/.test(text.slice(index, index + 6));
}

/**
 * Makes a decoded name safe to show: NFC, without `/` and NUL, never `.`, `..` or empty, without
 * lone surrogates.
 */
export function safeName(name: string): string {
  // The common case, settled by one pass over the characters.
  let plain = true;
  for (let i = 0; i < name.length && plain; i++) {
    const unit = name.charCodeAt(i);
    plain = unit > 0 && unit < 0x80 && unit !== 0x2f && unit !== 0x25;
  }
  if (plain && name !== "" && name !== "." && name !== "..") return name;
  if (name === "") return "%";
  if (name === ".") return escapeByte(0x2e);
  if (name === "..") return escapeByte(0x2e) + escapeByte(0x2e);
  let safe = "";
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    if (unit === 0 || unit === 0x2f) safe += escapeByte(unit);
    else if (unit === 0x25 && looksEscaped(name, i)) safe += "%25";
    else if (unit >= 0xd800 && unit <= 0xdfff) {
      const next = name.charCodeAt(i + 1);
      if (unit < 0xdc00 && next >= 0xdc00 && next <= 0xdfff) {
        safe += name[i] + name[i + 1];
        i++;
      } else safe += `%u${unit.toString(16).toUpperCase()}`;
    } else safe += name[i];
  }
  return safe.normalize("NFC");
}
