/**
 * Names between the catalog and programs. As everywhere on Unix, `/` separates paths, where the Mac
 * has `:`; the two change places, so a stored `/` shows as `:`. A stored `:` is nothing that a
 * Mac writes: it shows escaped.
 */
import { latin1 } from "../../text/decode-name.js";
import { escapeByte } from "../../text/escape.js";
import { utf16Name } from "../../text/utf16.js";
import { decompose } from "./unicode-compare.js";

const SLASH = 0x2f;
const COLON = 0x3a;
/** HFSUniStr255 */
const MAX_NAME_UNITS = 255;

/** Where plain names are gathered. */
const ascii = new Uint8Array(MAX_NAME_UNITS);

/** From big-endian code units. */
export function shownName(bytes: Uint8Array, start: number, end: number): string {
  const units = (end - start) >> 1;
  if (!isPlain(bytes, start, end) || units < 3 || units > MAX_NAME_UNITS) {
    return unusualName(bytes.slice(start, end));
  }
  for (let i = 0, at = start + 1; i < units; i++, at += 2) {
    ascii[i] = bytes[at] === SLASH ? COLON : bytes[at];
  }
  return latin1(ascii, 0, units);
}

/** Undefined where no Mac stores such a name. */
export function storedName(shown: string): Uint8Array | undefined {
  const name = decompose(shown);
  if (name.length > MAX_NAME_UNITS) return undefined;
  const bytes = new Uint8Array(2 * name.length);
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    bytes[2 * i] = unit >> 8;
    bytes[2 * i + 1] = unit === COLON ? SLASH : unit & 0xff;
  }
  return bytes;
}

/** Whether `storedName(shownName(...))` gives the same bytes. */
export function isRegular(bytes: Uint8Array, start: number, end: number): boolean {
  // Dots are escaped.
  if (isPlain(bytes, start, end) && end - start > 4) return true;
  const again = storedName(shownName(bytes, start, end));
  if (again === undefined || again.length !== end - start) return false;
  return again.every((byte, i) => byte === bytes[start + i]);
}

/** ASCII without colon and NUL. */
function isPlain(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 2) {
    const byte = bytes[at + 1];
    if (bytes[at] !== 0 || byte >= 0x80 || byte === COLON || byte === 0) return false;
  }
  return true;
}

/** `stored` is changed. */
function unusualName(stored: Uint8Array): string {
  let name = "";
  let part = 0;
  for (let at = 0; at < stored.length; at += 2) {
    if (stored[at] !== 0) continue;
    if (stored[at + 1] === SLASH) stored[at + 1] = COLON;
    else if (stored[at + 1] === COLON) {
      if (at > part) name += utf16Name(stored, part, at, false);
      name += escapeByte(COLON);
      part = at + 2;
    }
  }
  if (part < stored.length || name === "") name += utf16Name(stored, part, stored.length, false);
  return name;
}
