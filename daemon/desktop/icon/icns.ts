/**
 * Apple's icon files, `.VolumeIcon.icns`: a list of one icon in several sizes. Layout after the
 * `icns` family as libicns and the Icon Composer's documentation have it. JPEG 2000 is passed over:
 * files that have it carry the same icon in another form, too.
 */
import { corrupt, ImageError } from "../../../image-core/errors.js";
import { bestFirst, type Picture } from "./picture.js";
import { isPng, readPng } from "./png-reader.js";

/** Elements in a file; there are about thirty types. */
const MAX_ELEMENTS = 100;
const HEADER_BYTES = 8;

/** Pixels a side, by type: PNG, JPEG 2000 or, in the small ones, packed samples. */
const sizes: Record<string, number> = {
  icp4: 16,
  icp5: 32,
  icp6: 64,
  ic04: 16,
  ic05: 32,
  ic07: 128,
  ic08: 256,
  ic09: 512,
  ic10: 1024,
  ic11: 32,
  ic12: 64,
  ic13: 256,
  ic14: 512,
  icsb: 18,
  icsB: 36,
  sb24: 24,
  SB24: 48,
};

/** Colours without alpha, and the type that has the alpha. */
const masked: Record<string, { size: number; mask: string }> = {
  is32: { size: 16, mask: "s8mk" },
  il32: { size: 32, mask: "l8mk" },
  ih32: { size: 48, mask: "h8mk" },
  it32: { size: 128, mask: "t8mk" },
};

type Elements = Map<string, Uint8Array>;

/** The icon in the size that suits best. Throws ImageError where there is none that can be read. */
export function readIcns(bytes: Uint8Array): Picture {
  const elements = readElements(bytes);
  const sizeOf = (type: string) => sizes[type] ?? masked[type]?.size ?? 0;
  const candidates = [...elements.keys()]
    .filter((type) => sizeOf(type) > 0)
    .sort((a, b) => bestFirst(sizeOf(a), sizeOf(b)));
  let problem: ImageError | undefined;
  for (const type of candidates) {
    try {
      return decode(type, elements);
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      problem ??= error;
    }
  }
  throw problem ?? new ImageError("unsupported", "icns", "it has no colours of 24 bits");
}

function readElements(bytes: Uint8Array): Elements {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < HEADER_BYTES || typeAt(bytes, 0) !== "icns") {
    throw corrupt("icns", "header", 0, "these bytes are something else");
  }
  const elements: Elements = new Map();
  for (let position = HEADER_BYTES; position + HEADER_BYTES <= bytes.length; ) {
    const type = typeAt(bytes, position);
    const length = view.getUint32(position + 4);
    if (length < HEADER_BYTES || length > bytes.length - position) {
      const left = bytes.length - position;
      throw corrupt("icns", `element ${type}`, position, `length ${length}, but ${left} are left`);
    }
    if (elements.size === MAX_ELEMENTS) {
      throw new ImageError("limit", "icns", `it has more than ${MAX_ELEMENTS} elements`);
    }
    elements.set(type, bytes.subarray(position + HEADER_BYTES, position + length));
    position += length;
  }
  return elements;
}

function typeAt(bytes: Uint8Array, position: number): string {
  return String.fromCharCode(...bytes.subarray(position, position + 4));
}

function decode(type: string, elements: Elements): Picture {
  const data = elements.get(type)!;
  const kind = masked[type];
  if (kind !== undefined) return decodeMasked(type, data, kind.size, elements.get(kind.mask));
  if (isPng(data)) return readPng(data);
  const size = sizes[type];
  if (typeAt(data, 0) === "ARGB") {
    return { width: size, height: size, rgba: unpack(type, data.subarray(4), size, [3, 0, 1, 2]) };
  }
  throw new ImageError("unsupported", "icns", `element ${type} is neither PNG nor ARGB`);
}

function decodeMasked(
  type: string,
  data: Uint8Array,
  size: number,
  mask: Uint8Array | undefined,
): Picture {
  const pixels = size * size;
  let rgba: Uint8Array;
  if (data.length === pixels * 4) {
    // Not packed: a byte that is unused, then red, green and blue.
    rgba = new Uint8Array(pixels * 4);
    for (let i = 0; i < rgba.length; i += 4) rgba.set(data.subarray(i + 1, i + 4), i);
  } else {
    // Four zeros come first in the largest.
    rgba = unpack(type, type === "it32" ? data.subarray(4) : data, size, [0, 1, 2]);
  }
  if (mask !== undefined && mask.length < pixels) {
    throw corrupt("icns", `mask of ${type}`, 0, `it has ${mask.length} of ${pixels} bytes`);
  }
  for (let i = 0; i < pixels; i++) rgba[i * 4 + 3] = mask?.[i] ?? 255;
  return { width: size, height: size, rgba };
}

/**
 * One channel after the other, each packed: a byte below 128 is followed by that many and one more
 * as they are; another, less 125, says how often the next is repeated.
 */
function unpack(type: string, data: Uint8Array, size: number, channels: number[]): Uint8Array {
  const pixels = size * size;
  const rgba = new Uint8Array(pixels * 4);
  let position = 0;
  for (const channel of channels) {
    for (let pixel = 0; pixel < pixels; ) {
      const control = data[position++];
      const repeated = control >= 128;
      const count = repeated ? control - 125 : control + 1;
      const taken = repeated ? 1 : count;
      // A byte that is missing makes the comparison false.
      if (!(position + taken <= data.length) || count > pixels - pixel) {
        throw corrupt("icns", `element ${type}`, position - 1, `a run of ${count} pixels`);
      }
      for (let i = 0; i < count; i++, pixel++) {
        rgba[pixel * 4 + channel] = data[repeated ? position : position + i];
      }
      position += taken;
    }
  }
  return rgba;
}
