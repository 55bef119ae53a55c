/** UTF-16 names as Joliet, UDF, HFS+, NTFS and exFAT store them. */
import { latin1 } from "./decode-name.js";
import { safeName } from "./escape.js";

/** Where names that turn out to be ASCII are gathered: no filesystem has longer ones than this. */
const ascii = new Uint8Array(1024);

/**
 * The safe name that the code units from `start` to `end` spell; an odd last byte counts for nothing,
 * as no format can mean it. Lone surrogates are escaped.
 */
export function utf16Name(
  bytes: Uint8Array,
  start: number,
  end: number,
  littleEndian: boolean,
): string {
  const low = littleEndian ? 0 : 1;
  const units = (end - start) >> 1;
  if (units > 2 && units <= ascii.length) {
    let i = 0;
    for (let at = start; i < units; i++, at += 2) {
      const byte = bytes[at + low];
      if (bytes[at + 1 - low] !== 0 || byte >= 0x80 || byte === 0x2f || byte === 0) break;
      ascii[i] = byte;
    }
    if (i === units) return latin1(ascii, 0, units);
  }
  let name = "";
  for (let i = 0, at = start; i < units; i++, at += 2) {
    name += String.fromCharCode(bytes[at + low] | (bytes[at + 1 - low] << 8));
  }
  return safeName(name);
}
