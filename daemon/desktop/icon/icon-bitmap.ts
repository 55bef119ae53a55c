/**
 * A device-independent bitmap as icons have it: BITMAPINFOHEADER, colour table, colours, and a mask
 * of one bit a pixel; rows from the bottom, each filled up to four bytes. The header's height
 * counts colours and mask.
 */
import { at, corrupt, ImageError } from "../../../image-core/errors.js";
import { MAX_PIXELS_A_SIDE, type Picture } from "./picture.js";

const HEADER_BYTES = 40;
const BI_RGB = 0;
const DEPTHS = [1, 4, 8, 16, 24, 32];

/** Throws ImageError. */
export function readIconBitmap(bytes: Uint8Array): Picture {
  if (bytes.length < HEADER_BYTES) {
    throw corrupt("ico", "bitmap", 0, `it has ${bytes.length} bytes`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const headerBytes = view.getUint32(0, true);
  const width = view.getInt32(4, true);
  const height = view.getInt32(8, true) >> 1;
  const bits = view.getUint16(14, true);
  const compression = view.getUint32(16, true);
  if (width < 1 || height < 1 || Math.max(width, height) > MAX_PIXELS_A_SIDE) {
    throw new ImageError("limit", "ico", `bitmap ${at(4)}: ${width} by ${height} pixels`);
  }
  if (headerBytes < HEADER_BYTES || !DEPTHS.includes(bits) || compression !== BI_RGB) {
    const values = `${headerBytes}, ${bits} and ${compression}`;
    throw corrupt("ico", "bitmap", 0, `header, bits a pixel and compression are ${values}`);
  }
  const colours = bits > 8 ? 0 : Math.min(view.getUint32(32, true) || 2 ** bits, 2 ** bits);
  const start = headerBytes + colours * 4;
  const stride = rowBytes(width * bits);
  const end = start + stride * height;
  if (end > bytes.length) {
    throw corrupt("ico", "bitmap", start, `it ends at ${bytes.length}, its colours at ${end}`);
  }
  const rgba = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y++) {
    const row = start + (height - 1 - y) * stride;
    for (let x = 0; x < width; x++) {
      const to = (y * width + x) * 4;
      if (bits <= 8) {
        const perByte = 8 / bits;
        const shift = 8 - bits * (1 + (x % perByte));
        const index = (bytes[row + Math.floor(x / perByte)] >> shift) & (2 ** bits - 1);
        if (index >= colours) throw corrupt("ico", "bitmap", row, `colour ${index} of ${colours}`);
        copyColour(bytes, headerBytes + index * 4, rgba, to);
      } else if (bits === 16) {
        const value = view.getUint16(row + x * 2, true);
        for (let i = 0; i < 3; i++) {
          rgba[to + i] = (((value >> (10 - 5 * i)) & 31) * 255) / 31;
        }
      } else copyColour(bytes, row + (x * bits) / 8, rgba, to);
      rgba[to + 3] = bits === 32 ? bytes[row + x * 4 + 3] : 255;
    }
  }
  // Of 32 bits, too, where nobody has filled in the alpha.
  if (bits < 32 || rgba.every((value, i) => i % 4 !== 3 || value === 0)) {
    applyMask(bytes, end, width, height, rgba);
  }
  return { width, height, rgba };
}

/** Stored as blue, green, red. */
function copyColour(from: Uint8Array, position: number, rgba: Uint8Array, to: number): void {
  rgba[to] = from[position + 2];
  rgba[to + 1] = from[position + 1];
  rgba[to + 2] = from[position];
}

/** A bit that is set is transparent; where no mask is left, nothing is. */
function applyMask(
  bytes: Uint8Array,
  start: number,
  width: number,
  height: number,
  rgba: Uint8Array,
): void {
  const stride = rowBytes(width);
  const hasMask = start + stride * height <= bytes.length;
  for (let y = 0; y < height; y++) {
    const row = start + (height - 1 - y) * stride;
    for (let x = 0; x < width; x++) {
      const clear = hasMask && ((bytes[row + (x >> 3)] >> (7 - (x & 7))) & 1) === 1;
      rgba[(y * width + x) * 4 + 3] = clear ? 0 : 255;
    }
  }
}

function rowBytes(bits: number): number {
  return Math.ceil(bits / 32) * 4;
}
