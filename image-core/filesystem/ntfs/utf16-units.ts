/** UTF-16 as it is, unit by unit: what names are compared by. */
import { le16 } from "./little-endian.js";

export function utf16Units(bytes: Uint8Array, offset: number, units: number): string {
  let text = "";
  for (let i = 0; i < units; i++) text += String.fromCharCode(le16(bytes, offset + 2 * i));
  return text;
}
