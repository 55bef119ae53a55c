/**
 * Long names: entries before the short one, 13 UTF-16 units each, last part first.
 * FAT specification 1.03, "Long File Name Implementation".
 */
import { utf16Name } from "../../text/utf16.js";

export const ATTR_LONG_NAME = 0x0f;
/** In `LDIR_Ord`: the first entry met, which holds the name's end. */
const LAST_LONG_ENTRY = 0x40;
const MAX_PARTS = 20;
const PART_BYTES = 26;

export class LongName {
  private readonly bytes = new Uint8Array(MAX_PARTS * PART_BYTES);
  private parts = 0;
  /** Of the part met last; 1 when the name is whole, 0 when there is none. */
  private ordinal = 0;
  private checksum = 0;
  /** Where the first part lies. */
  slot = 0;

  /** Takes the long-name entry at `offset`; what does not continue the name is an orphan and drops it. */
  accept(bytes: Uint8Array, offset: number, slot: number): void {
    const ord = bytes[offset];
    const ordinal = ord & 0x3f;
    const checksum = bytes[offset + 13];
    if ((ord & LAST_LONG_ENTRY) !== 0 && ord < 0x80 && ordinal >= 1 && ordinal <= MAX_PARTS) {
      this.parts = ordinal;
      this.checksum = checksum;
      this.slot = slot;
    } else if (ord !== this.ordinal - 1 || ord === 0 || checksum !== this.checksum) {
      this.drop();
      return;
    }
    this.ordinal = ordinal;
    const part = (ordinal - 1) * PART_BYTES;
    this.bytes.set(bytes.subarray(offset + 1, offset + 11), part);
    this.bytes.set(bytes.subarray(offset + 14, offset + 26), part + 10);
    this.bytes.set(bytes.subarray(offset + 28, offset + 32), part + 22);
  }

  /** The name, if it is whole and belongs to the short entry at `offset`; dropped in any case. */
  take(bytes: Uint8Array, offset: number): string | undefined {
    const whole = this.ordinal === 1 && this.checksum === shortNameChecksum(bytes, offset);
    this.drop();
    if (!whole) return undefined;
    let end = 0;
    const most = this.parts * PART_BYTES;
    while (end < most && (this.bytes[end] !== 0 || this.bytes[end + 1] !== 0)) end += 2;
    return end === 0 ? undefined : utf16Name(this.bytes, 0, end, true);
  }

  drop(): void {
    this.ordinal = 0;
  }
}

/** `ChkSum()` of the specification. */
function shortNameChecksum(bytes: Uint8Array, offset: number): number {
  let sum = 0;
  for (let i = 0; i < 11; i++) sum = (((sum & 1) << 7) + (sum >> 1) + bytes[offset + i]) & 0xff;
  return sum;
}
