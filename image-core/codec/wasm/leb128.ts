/** LEB128 (WebAssembly Core Specification 1.0, section 5.2.2): 7 bits a byte, low ones first. */

export function unsignedLeb(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80);
  bytes.push(value);
  return bytes;
}

/** `value`: an integer within 53 bits. */
export function signedLeb(value: number): number[] {
  const bytes: number[] = [];
  for (; value < -0x40 || value >= 0x40; value = Math.floor(value / 0x80)) {
    bytes.push((value & 0x7f) | 0x80);
  }
  bytes.push(value & 0x7f);
  return bytes;
}
