/** The two checksums of ext4 metadata: CRC-32C (metadata_csum) and CRC-16 (uninit_bg). */

const CASTAGNOLI = 0x82f63b78;

/** Slicing by four: table n is table 0 advanced by n zero bytes. */
const tables = Array.from({ length: 4 }, () => new Uint32Array(256));
for (let byte = 0; byte < 256; byte++) {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? CASTAGNOLI : 0);
  tables[0][byte] = value >>> 0;
}
for (let byte = 0; byte < 256; byte++) {
  for (let n = 1; n < 4; n++) {
    const shorter = tables[n - 1][byte];
    tables[n][byte] = (shorter >>> 8) ^ tables[0][shorter & 255];
  }
}
const [table0, table1, table2, table3] = tables;

/** CRC-32C without the final inversion, as ext4 and jbd2 chain it: start from 0xffffffff. */
export function crc32c(seed: number, bytes: Uint8Array, start: number, end: number): number {
  let crc = seed;
  let i = start;
  for (; i + 4 <= end; i += 4) {
    crc ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    crc =
      table3[crc & 255] ^
      table2[(crc >>> 8) & 255] ^
      table1[(crc >>> 16) & 255] ^
      table0[crc >>> 24];
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ table0[(crc ^ bytes[i]) & 255];
  return crc >>> 0;
}

const word = new Uint8Array(8);

/** Continues over one little-endian 32-bit value. */
export function crc32cLe32(seed: number, value: number): number {
  for (let i = 0; i < 4; i++) word[i] = value >>> (8 * i);
  return crc32c(seed, word, 0, 4);
}

/** Continues over one little-endian 64-bit value. */
export function crc32cLe64(seed: number, value: number): number {
  return crc32cLe32(crc32cLe32(seed, value >>> 0), Math.floor(value / 2 ** 32));
}

/** CRC-16 (polynomial 0x8005, reflected) as uninit_bg uses it: start from 0xffff. */
export function crc16(seed: number, bytes: Uint8Array, start: number, end: number): number {
  let crc = seed;
  for (let i = start; i < end; i++) {
    crc ^= bytes[i];
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xa001 : 0);
  }
  return crc;
}
