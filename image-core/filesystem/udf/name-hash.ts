/**
 * The hash by which a directory finds its entries: FNV-1a over UTF-16 code units, its bits mixed. 31
 * bits: what fits V8's small integers is not allocated before the code is optimised.
 */

const PRIME = 0x01000193;
/** Ours alone, so that no image can be made whose names all collide. What is shown does not depend on it. */
const OFFSET_BASIS = (0x811c9dc5 ^ Math.floor(Math.random() * 2 ** 32)) | 0;

export function hashName(name: string): number {
  let value = OFFSET_BASIS;
  for (let i = 0; i < name.length; i++) value = Math.imul(value ^ name.charCodeAt(i), PRIME);
  return mixed(value);
}

/**
 * As `hashName`, of a name whose characters are these bytes, without making it; -1 unless it is shown
 * as it stands: ASCII, nothing to escape. Short ones may be dots, and so are none of these.
 */
export function hashPlain(bytes: Uint8Array, start: number, end: number): number {
  if (end - start <= 2) return -1;
  let value = OFFSET_BASIS;
  for (let i = start; i < end; i++) {
    const byte = bytes[i];
    if (byte >= 0x80 || byte === 0x2f || byte === 0) return -1;
    value = Math.imul(value ^ byte, PRIME);
  }
  return mixed(value);
}

function mixed(value: number): number {
  return (value ^ (value >>> 15)) & 0x7fffffff;
}
