/**
 * The error correction code of a data sector: Reed-Solomon over GF(2^8) with the field polynomial
 * x^8 + x^4 + x^3 + x^2 + 1 (ECMA-130 clause 14.5 and annex A). Checked by its syndromes, not
 * corrected: drives did that.
 *
 * The bytes from the header to the end count as 16-bit words, their low and high bytes as two
 * planes. In each plane 43 columns of 26 words are P vectors, and 26 diagonals of 45 are Q vectors.
 */

const FIRST_BYTE = 12;
const P_VECTORS = 43;
const P_WORDS = 26;
const Q_VECTORS = 26;
const Q_DATA_WORDS = 43;
/** Words of the header, the data and P: the Q diagonals wind through these. */
const Q_AREA = P_VECTORS * P_WORDS;

/** By byte: the byte times alpha. */
const timesAlpha = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) timesAlpha[byte] = (byte << 1) ^ (byte & 0x80 ? 0x11d : 0);

export interface EccResult {
  badP: number;
  badQ: number;
}

/**
 * How many of the 86 P and 52 Q vectors do not check. `sector`: 2352 bytes from `start` on, the
 * header as it counts there (zeros for mode 2).
 */
export function checkEcc(sector: Uint8Array, start: number): EccResult {
  const base = start + FIRST_BYTE;
  let badP = 0;
  let badQ = 0;
  for (let plane = 0; plane < 2; plane++) {
    for (let vector = 0; vector < P_VECTORS; vector++) {
      let sum = 0;
      let weighted = 0;
      let at = base + 2 * vector + plane;
      for (let i = 0; i < P_WORDS; i++, at += 2 * P_VECTORS) {
        const byte = sector[at];
        sum ^= byte;
        weighted = timesAlpha[weighted] ^ byte;
      }
      if (sum !== 0 || weighted !== 0) badP++;
    }
    for (let vector = 0; vector < Q_VECTORS; vector++) {
      let sum = 0;
      let weighted = 0;
      let word = P_VECTORS * vector;
      for (let i = 0; i < Q_DATA_WORDS; i++) {
        const byte = sector[base + 2 * word + plane];
        sum ^= byte;
        weighted = timesAlpha[weighted] ^ byte;
        word += P_VECTORS + 1;
        if (word >= Q_AREA) word -= Q_AREA;
      }
      for (let parity = 0; parity < 2; parity++) {
        const byte = sector[base + 2 * (Q_AREA + parity * Q_VECTORS + vector) + plane];
        sum ^= byte;
        weighted = timesAlpha[weighted] ^ byte;
      }
      if (sum !== 0 || weighted !== 0) badQ++;
    }
  }
  return { badP, badQ };
}
