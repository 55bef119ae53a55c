/** A big-endian 64-bit value as a number: exact up to 2^53, which callers check. */
export function readUint64(view: DataView, offset: number): number {
  return view.getUint32(offset) * 2 ** 32 + view.getUint32(offset + 4);
}
