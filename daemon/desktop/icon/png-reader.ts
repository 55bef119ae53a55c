/**
 * Reads PNG (Portable Network Graphics, third edition), every colour type, depth and interlacing,
 * so that what file managers are given is never the image's own bytes.
 */
import { inflateSync } from "node:zlib";
import { at, corrupt, ImageError } from "../../../image-core/errors.js";
import { MAX_PIXELS_A_SIDE, type Picture } from "./picture.js";
import { rowDecoder } from "./png-samples.js";

export const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Colour types, section 11.2.1, with their samples a pixel. */
export const COLOUR_WITH_ALPHA = 6;
const SAMPLES: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, [COLOUR_WITH_ALPHA]: 4 };
const DEPTHS: Record<number, number[]> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  [COLOUR_WITH_ALPHA]: [8, 16],
};

/** Section 8.2, Adam7: the first column and row of a pass, and the steps from there. */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];
const WHOLE = [[0, 0, 1, 1]];

export interface PngHeader {
  width: number;
  height: number;
  depth: number;
  colourType: number;
  interlaced: boolean;
}

export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

/** Throws ImageError. */
export function readPng(bytes: Uint8Array): Picture {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const { header, palette, transparency, data } = readChunks(view);
  const bits = header.depth * SAMPLES[header.colourType];
  const passes = (header.interlaced ? ADAM7 : WHOLE)
    .map(([x, y, stepX, stepY]) => ({
      x,
      y,
      stepX,
      stepY,
      columns: Math.ceil((header.width - x) / stepX),
      rows: Math.ceil((header.height - y) / stepY),
    }))
    .filter(({ columns, rows }) => columns > 0 && rows > 0);
  const rowBytes = ({ columns }: { columns: number }) => Math.ceil((columns * bits) / 8);
  const size = passes.reduce((sum, pass) => sum + pass.rows * (1 + rowBytes(pass)), 0);
  const rows = inflate(data, size);
  const decode = rowDecoder(header, palette, transparency);
  const rgba = new Uint8Array(header.width * header.height * 4);
  let position = 0;
  for (const pass of passes) {
    const length = rowBytes(pass);
    let above: Uint8Array = new Uint8Array(length);
    for (let row = 0; row < pass.rows; row++) {
      const line = rows.subarray(position + 1, position + 1 + length);
      unfilter(rows[position], line, above, Math.max(1, bits >> 3));
      const y = pass.y + row * pass.stepY;
      decode(line, pass.columns, rgba, (y * header.width + pass.x) * 4, pass.stepX * 4);
      above = line;
      position += 1 + length;
    }
  }
  return { width: header.width, height: header.height, rgba };
}

interface Chunks {
  header: PngHeader;
  palette: Uint8Array | undefined;
  transparency: Uint8Array | undefined;
  data: Buffer;
}

function readChunks(bytes: Buffer): Chunks {
  if (!isPng(bytes)) throw corrupt("png", "signature", 0, "these bytes are something else");
  let header: PngHeader | undefined;
  let palette: Uint8Array | undefined;
  let transparency: Uint8Array | undefined;
  const data: Buffer[] = [];
  for (let position = SIGNATURE.length; position + 12 <= bytes.length; ) {
    const length = bytes.readUInt32BE(position);
    const type = bytes.toString("latin1", position + 4, position + 8);
    const left = bytes.length - position - 12;
    if (length > left) {
      throw corrupt("png", `chunk ${type}`, position, `length ${length}, but ${left} are left`);
    }
    const body = bytes.subarray(position + 8, position + 8 + length);
    if (type === "IHDR") header = readHeader(body);
    else if (type === "PLTE") palette = body;
    else if (type === "tRNS") transparency = body;
    else if (type === "IDAT") data.push(body);
    else if (type === "IEND") break;
    position += 12 + length;
  }
  if (header === undefined) throw corrupt("png", "header", 8, "it is missing");
  return { header, palette, transparency, data: Buffer.concat(data) };
}

/** Section 11.2.1. */
function readHeader(body: Buffer): PngHeader {
  if (body.length < 13) throw corrupt("png", "header", 16, `length ${body.length} is less than 13`);
  const width = body.readUInt32BE(0);
  const height = body.readUInt32BE(4);
  const [depth, colourType, compression, filter, interlace] = body.subarray(8, 13);
  const tooLarge = Math.max(width, height) > MAX_PIXELS_A_SIDE;
  if (width === 0 || height === 0 || tooLarge) {
    throw new ImageError("limit", "png", `header ${at(16)}: ${width} by ${height} pixels`);
  }
  if (!DEPTHS[colourType]?.includes(depth) || compression > 0 || filter > 0 || interlace > 1) {
    const values = [depth, colourType, compression, filter, interlace].join(", ");
    throw corrupt("png", "header", 24, `depth, colour type and methods are ${values}`);
  }
  return { width, height, depth, colourType, interlaced: interlace === 1 };
}

function inflate(data: Buffer, size: number): Uint8Array {
  let rows: Buffer;
  try {
    rows = inflateSync(data, { maxOutputLength: size });
  } catch (error) {
    throw new ImageError("corrupt", "png", `image data: ${(error as Error).message}`);
  }
  if (rows.length === size) return rows;
  throw corrupt("png", "image data", 0, `inflated ${rows.length} of ${size} bytes`);
}

/** Section 9: in place. `pixel` is in whole bytes. */
function unfilter(type: number, line: Uint8Array, above: Uint8Array, pixel: number): void {
  if (type > 4) throw corrupt("png", "row", 0, `filter ${type}`);
  for (let i = 0; i < line.length; i++) {
    const left = i < pixel ? 0 : line[i - pixel];
    const corner = i < pixel ? 0 : above[i - pixel];
    if (type === 1) line[i] += left;
    else if (type === 2) line[i] += above[i];
    else if (type === 3) line[i] += (left + above[i]) >> 1;
    else if (type === 4) line[i] += paeth(left, above[i], corner);
  }
}

function paeth(left: number, above: number, corner: number): number {
  const estimate = left + above - corner;
  const toLeft = Math.abs(estimate - left);
  const toAbove = Math.abs(estimate - above);
  const toCorner = Math.abs(estimate - corner);
  if (toLeft <= toAbove && toLeft <= toCorner) return left;
  return toAbove <= toCorner ? above : corner;
}
