/** LEB128 (WebAssembly Core Specification 1.0, section 5.2.2): 7 bits a byte, low ones first. */

export function unsignedLeb(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80);
  bytes.push(value);
  return bytes;
}

/** `value`: an integer within 53 bits, or a bigint of 64, which may be meant without sign. */
export function signedLeb(value: number | bigint): number[] {
  const bytes: number[] = [];
  if (typeof value === "bigint") {
    let rest = BigInt.asIntN(64, value);
    for (; rest < -0x40n || rest >= 0x40n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
    bytes.push(Number(rest & 0x7fn));
    return bytes;
  }
  for (; value < -0x40 || value >= 0x40; value = Math.floor(value / 0x80)) {
    bytes.push((value & 0x7f) | 0x80);
  }
  bytes.push(value & 0x7f);
  return bytes;
}
