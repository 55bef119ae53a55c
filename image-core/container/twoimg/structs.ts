/** The header of a 2IMG image, 64 bytes, little-endian. */
export const FORMAT = "twoimg";
export const HEADER_BYTES = 64;

export interface TwoImgHeader {
  /** 0: DOS 3.3 sector order, 1: ProDOS block order, 2: nibbles. */
  format: number;
  /** Of 512 bytes; counts only in ProDOS order. */
  blocks: number;
  dataOffset: number;
  /** 0 in some images, which have `blocks` then. */
  dataLength: number;
}

/** `2IMG`, and the header's own size: 52 in the first images, 64 since. */
export function isTwoImg(head: Uint8Array): boolean {
  if (head.length < HEADER_BYTES) return false;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const headerBytes = view.getUint16(8, true);
  return view.getUint32(0) === 0x32494d47 && (headerBytes === 52 || headerBytes === HEADER_BYTES);
}

export function decodeHeader(bytes: Uint8Array): TwoImgHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    format: view.getUint32(12, true),
    blocks: view.getUint32(20, true),
    dataOffset: view.getUint32(24, true),
    dataLength: view.getUint32(28, true),
  };
}
