/** Bitmaps of clusters mark what is taken: zeros are free. */
const ZERO_BITS = Uint8Array.from({ length: 256 }, (_, byte) => {
  let zeros = 0;
  for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) === 0) zeros++;
  return zeros;
});

/** Zeros among the first `bits` bits, the lowest of each byte first. */
export function zeroBits(bytes: Uint8Array, bits: number): number {
  const whole = bits >>> 3;
  let zeros = 0;
  for (let i = 0; i < whole; i++) zeros += ZERO_BITS[bytes[i]];
  const rest = bits & 7;
  return rest === 0 ? zeros : zeros + ZERO_BITS[(bytes[whole] | (0xff << rest)) & 0xff];
}
