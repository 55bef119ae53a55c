/** The up-case table: which names are the same. exFAT specification 1.00, section 7.2. */
import { u16 } from "./entries.js";

/** All 65,536 code units, uncompressed. */
export const MAX_UPCASE_BYTES = 131_072;
const IDENTITY_RUN = 0xffff;

export class UpcaseTable {
  private readonly upper = Uint16Array.from({ length: 65_536 }, (_, unit) => unit);

  /** Compressed: 0xFFFF and a count stand for that many units that map to themselves. */
  constructor(bytes: Uint8Array) {
    let unit = 0;
    for (let i = 0; i + 1 < bytes.length && unit < this.upper.length; i += 2) {
      const value = u16(bytes, i);
      if (value === IDENTITY_RUN && i + 3 < bytes.length) {
        i += 2;
        unit += u16(bytes, i);
      } else this.upper[unit++] = value;
    }
  }

  fold(name: string): string {
    let folded = "";
    for (let i = 0; i < name.length; i++) {
      folded += String.fromCharCode(this.upper[name.charCodeAt(i)]);
    }
    return folded;
  }
}

/** `TableChecksum`. */
export function tableChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes) sum = (((sum << 31) | (sum >>> 1)) + byte) >>> 0;
  return sum;
}
