/** The hash by which a directory finds its entries: FNV-1a over UTF-16 code units, its bits mixed. */

const OFFSET_BASIS = 0x811c9dc5;
const PRIME = 0x01000193;

export function hashName(name: string): number {
  let value = OFFSET_BASIS;
  for (let i = 0; i < name.length; i++) value = Math.imul(value ^ name.charCodeAt(i), PRIME);
  return mixed(value);
}

/** As `hashName`, of a name that is shown as Latin-1 reads these bytes, without making it. */
export function hashLatin1(bytes: Uint8Array, start: number, end: number): number {
  let value = OFFSET_BASIS;
  for (let i = start; i < end; i++) value = Math.imul(value ^ bytes[i], PRIME);
  return mixed(value);
}

function mixed(value: number): number {
  return (value ^ (value >>> 15)) >>> 0;
}
