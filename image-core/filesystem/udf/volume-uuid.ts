/** The UUID that Linux tools derive from a volume set identifier (UDF 2.2.2.5 asks for a unique one). */
import { dstring } from "./osta-unicode.js";

/**
 * 16 hexadecimal digits: the identifier's first 16 characters if they are such; else 8 digits kept
 * where these are, and the bytes of what follows in hexadecimal. Undefined if it is too short.
 */
export function volumeUuid(volumeSetIdentifier: Uint8Array): string | undefined {
  const bytes = Buffer.from(dstring(volumeSetIdentifier, 0, 128));
  if (bytes.length < 8) return undefined;
  const text = bytes.toString("latin1");
  const digits = /^[0-9a-f]*/i.exec(text.slice(0, 16))![0].length;
  if (digits === 16) return text.slice(0, 16).toLowerCase();
  if (digits >= 8) return (text.slice(0, 8) + bytes.subarray(8, 12).toString("hex")).toLowerCase();
  return bytes.subarray(0, 8).toString("hex");
}
