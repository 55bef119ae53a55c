/** Little-endian fields straight from records, where a DataView for each would be garbage. */

export function le16(bytes: Uint8Array, offset: number): number {
  return bytes[offset] | (bytes[offset + 1] << 8);
}

export function le32(bytes: Uint8Array, offset: number): number {
  return (le16(bytes, offset) | (le16(bytes, offset + 2) << 16)) >>> 0;
}

/** Beyond 2^53 the value is no longer exact; callers compare it with a limit far below. */
export function le64(bytes: Uint8Array, offset: number): number {
  return le32(bytes, offset + 4) * 2 ** 32 + le32(bytes, offset);
}

/** The 48 bits of a file reference that are a record's number; the upper 16 are its sequence. */
export function recordNumber(bytes: Uint8Array, offset: number): number {
  return le16(bytes, offset + 4) * 2 ** 32 + le32(bytes, offset);
}
