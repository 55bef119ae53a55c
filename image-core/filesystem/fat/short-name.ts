/** Short names: eight bytes and three, padded with spaces. FAT specification 1.03, "Short File Name". */
import type { Charset } from "../../text/charset.js";

const SPACE = 0x20;
const DOT = 0x2e;
/** `DIR_NTRes`: NT shows the base or the extension in lower case, and so saves a long name. */
const LOWER_BASE = 0x08;
const LOWER_EXTENSION = 0x10;

const scratch = new Uint8Array(12);

/** The name of the entry at `offset`, safe to show. */
export function shortName(bytes: Uint8Array, offset: number, charset: Charset): string {
  const baseEnd = trimmed(bytes, offset, offset + 8);
  const extensionEnd = trimmed(bytes, offset + 8, offset + 11);
  const flags = bytes[offset + 12] & (LOWER_BASE | LOWER_EXTENSION);
  scratch.set(bytes.subarray(offset, baseEnd));
  // 0xE5 would mark a deleted entry, so names that begin with it (in Shift_JIS) store 0x05.
  if (scratch[0] === 0x05) scratch[0] = 0xe5;
  const base = baseEnd - offset;
  const extension = extensionEnd - (offset + 8);
  if (extension === 0) return lowered(charset.decode(scratch, 0, base), flags & LOWER_BASE);
  scratch[base] = DOT;
  scratch.set(bytes.subarray(offset + 8, extensionEnd), base + 1);
  const end = base + 1 + extension;
  if (flags === 0) return charset.decode(scratch, 0, end);
  return (
    lowered(charset.decode(scratch, 0, base), flags & LOWER_BASE) +
    lowered(charset.decode(scratch, base, end), flags & LOWER_EXTENSION)
  );
}

/** A volume label: all eleven bytes as one. Empty where there is none. */
export function volumeLabel(bytes: Uint8Array, offset: number, charset: Charset): string {
  const end = trimmed(bytes, offset, offset + 11) - offset;
  scratch.set(bytes.subarray(offset, offset + 11));
  if (scratch[0] === 0x05) scratch[0] = 0xe5;
  return end === 0 ? "" : charset.decode(scratch, 0, end);
}

function trimmed(bytes: Uint8Array, start: number, end: number): number {
  // Some writers fill with zeros instead of spaces.
  while (end > start && (bytes[end - 1] === SPACE || bytes[end - 1] === 0)) end--;
  return end;
}

function lowered(name: string, flag: number): string {
  return flag === 0 ? name : name.toLowerCase();
}
