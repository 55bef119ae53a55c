/**
 * The error detection code of a data sector: a 32-bit CRC with the polynomial
 * (x^16 + x^15 + x^2 + 1)(x^16 + x^2 + x + 1), least significant bit first (ECMA-130 clause 14.3).
 */

/** The polynomial 0x8001801B with its bits in the order in which they are sent. */
const POLYNOMIAL = 0xd8018001;

/** Four tables: each byte of a word has its own, so that a word takes one step. */
const tables = Array.from({ length: 4 }, () => new Int32Array(256));
for (let byte = 0; byte < 256; byte++) {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? POLYNOMIAL : 0);
  tables[0][byte] = value;
}
for (let i = 1; i < 4; i++) {
  for (let byte = 0; byte < 256; byte++) {
    const shorter = tables[i - 1][byte];
    tables[i][byte] = (shorter >>> 8) ^ tables[0][shorter & 0xff];
  }
}

/** As an unsigned number; `length` is a multiple of 4. */
export function edc(bytes: Uint8Array, start: number, length: number): number {
  const [t0, t1, t2, t3] = tables;
  let value = 0;
  for (let i = start; i < start + length; i += 4) {
    value ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    value =
      t3[value & 0xff] ^ t2[(value >>> 8) & 0xff] ^ t1[(value >>> 16) & 0xff] ^ t0[value >>> 24];
  }
  return value >>> 0;
}

/** As stored: four bytes, least significant first. */
export function storedEdc(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}
