/** A picture in memory, as every reader of icons gives it. */

/** Wide or high; Apple's largest icons have that many. */
export const MAX_PIXELS_A_SIDE = 1024;

/** What file managers show folders at, at most. */
const WANTED_PIXELS = 256;

export interface Picture {
  width: number;
  height: number;
  /** Red, green, blue, alpha (not multiplied in), one byte each, row by row from the top. */
  rgba: Uint8Array;
}

/** Sorts what is best shown first: the smallest of those that are large enough, then the largest. */
export function bestFirst(a: number, b: number): number {
  const enough = (pixels: number) => pixels >= WANTED_PIXELS;
  if (enough(a) !== enough(b)) return enough(a) ? -1 : 1;
  return enough(a) ? a - b : b - a;
}
