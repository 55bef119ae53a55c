/** What encrypted images are recognised by. */

/** `encrcdsa` at the start. */
export function isHeaderV2(head: Uint8Array): boolean {
  return hasText(head, 0, "encrcdsa");
}

/** `cdsaencr` at the very end. */
export function isTrailerV1(tail: Uint8Array): boolean {
  return hasText(tail, tail.length - 8, "cdsaencr");
}

function hasText(bytes: Uint8Array, offset: number, text: string): boolean {
  if (offset < 0) return false;
  for (let i = 0; i < text.length; i++) {
    if (bytes[offset + i] !== text.charCodeAt(i)) return false;
  }
  return true;
}
