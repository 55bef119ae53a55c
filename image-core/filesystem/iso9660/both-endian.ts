/**
 * Numbers as ECMA-119 records them (7.1 to 7.3): often twice, little-endian first. Sloppy writers
 * fill only one half, or fill it wrongly; the half that makes sense is taken.
 */

export function le16(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8);
}

export function be16(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}

export function le32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

export function be32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

/** 7.2.3. The little-endian half unless it is zero. */
export function both16(bytes: Uint8Array, at: number): number {
  return le16(bytes, at) || be16(bytes, at + 2);
}

/** 7.3.3. Of two different halves the little-endian one, unless only the other is within `limit`. */
export function both32(bytes: Uint8Array, at: number, limit: number): number {
  const little = le32(bytes, at);
  const big = be32(bytes, at + 4);
  if (little === big) return little;
  if (little === 0 || (little > limit && big <= limit && big !== 0)) return big;
  return little;
}

/** Do the halves of a 7.3.3 number agree? */
export function halvesAgree(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at] === bytes[at + 7] &&
    bytes[at + 1] === bytes[at + 6] &&
    bytes[at + 2] === bytes[at + 5] &&
    bytes[at + 3] === bytes[at + 4]
  );
}
