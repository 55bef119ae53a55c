/** The samples of a PNG's row, whatever their depth, as red, green, blue and alpha. */
import { corrupt } from "../../../image-core/errors.js";
import type { PngHeader } from "./png-reader.js";

/** Writes `columns` pixels of a row to `rgba`, from `to` in steps of `step` bytes. */
type RowDecoder = (
  row: Uint8Array,
  columns: number,
  rgba: Uint8Array,
  to: number,
  step: number,
) => void;

/** Portable Network Graphics, third edition, sections 11.2.1, 11.2.2 (PLTE) and 11.3.1 (tRNS). */
export function rowDecoder(
  { depth, colourType }: PngHeader,
  palette: Uint8Array | undefined,
  transparency: Uint8Array | undefined,
): RowDecoder {
  const sample = sampleReader(depth);
  // Any sample as eight bits. What is deeper loses its lower half.
  const level = depth === 16 ? (s: number) => s >> 8 : (s: number) => (s * 255) / (2 ** depth - 1);
  if (colourType === 3) {
    if (palette === undefined) throw corrupt("png", "palette", 0, "it is missing");
    return (row, columns, rgba, to, step) => {
      for (let x = 0, p = to; x < columns; x++, p += step) {
        const index = sample(row, x);
        if (index * 3 + 3 > palette.length) {
          throw corrupt("png", "row", 0, `colour ${index} of ${palette.length / 3}`);
        }
        for (let i = 0; i < 3; i++) rgba[p + i] = palette[index * 3 + i];
        rgba[p + 3] = transparency?.[index] ?? 255;
      }
    };
  }
  const hasColour = (colourType & 2) !== 0;
  const hasAlpha = (colourType & 4) !== 0;
  const samples = (hasColour ? 3 : 1) + (hasAlpha ? 1 : 0);
  // The one colour that is transparent.
  const key = hasAlpha ? undefined : colourKey(transparency, samples);
  return (row, columns, rgba, to, step) => {
    for (let x = 0, p = to; x < columns; x++, p += step) {
      const first = x * samples;
      for (let i = 0; i < 3; i++) {
        rgba[p + i] = level(sample(row, hasColour ? first + i : first));
      }
      if (hasAlpha) rgba[p + 3] = level(sample(row, first + samples - 1));
      else rgba[p + 3] = key?.every((value, i) => value === sample(row, first + i)) ? 0 : 255;
    }
  };
}

function sampleReader(depth: number): (row: Uint8Array, index: number) => number {
  if (depth === 8) return (row, index) => row[index];
  if (depth === 16) return (row, index) => (row[index * 2] << 8) | row[index * 2 + 1];
  const perByte = 8 / depth;
  const mask = 2 ** depth - 1;
  return (row, index) => {
    const shift = 8 - depth * (1 + (index % perByte));
    return (row[Math.floor(index / perByte)] >> shift) & mask;
  };
}

function colourKey(transparency: Uint8Array | undefined, samples: number): number[] | undefined {
  if (transparency === undefined || transparency.length < samples * 2) return undefined;
  return Array.from(
    { length: samples },
    (_, i) => (transparency[i * 2] << 8) | transparency[i * 2 + 1],
  );
}
