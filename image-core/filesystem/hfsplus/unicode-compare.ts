/**
 * Names as HFS+ stores and sorts them: UTF-16, decomposed, compared without regard to case and to
 * invisible characters, or unit by unit on case-sensitive volumes (TN1150, "Unicode Subtleties",
 * "Case-Insensitive String Comparison Algorithm").
 *
 * The case table is derived from Unicode's lower-case mappings. TN1150's knows the characters of
 * Unicode 2: pages that gained cased letters later are left out. What differs after all is found
 * by the name survey.
 */

/** Sorts behind everything: what TN1150 makes of U+0000. */
const NUL_ORDER = 0xffff;

/** Code units that do not count, first and last. */
const IGNORED: readonly [number, number][] = [
  [0x200c, 0x200f],
  [0x202a, 0x202e],
  [0x206a, 0x206f],
  [0xfeff, 0xfeff],
];

/** Capitals with a small letter in TN1150's table, first and last, where not all decompose. */
const CASED: readonly [number, number][] = [
  [0x0041, 0x005a],
  [0x00c0, 0x00de],
  [0x0100, 0x01a5],
  [0x01a7, 0x01f5],
  [0x0386, 0x03ab],
  [0x03e2, 0x03ef],
  [0x0401, 0x0481],
  [0x0490, 0x04bf],
  [0x04c1, 0x04c4],
  [0x04c7, 0x04c8],
  [0x04cb, 0x04cc],
  [0x0531, 0x0556],
  [0x2160, 0x216f],
  [0xff21, 0xff3a],
];

/** Georgian capitals fold to the letters that were thought to be their small ones. */
const GEORGIAN_CAPITALS: readonly [number, number] = [0x10a0, 0x10c5];
const GEORGIAN_OFFSET = 0x30;

/** Where decomposition stops: U+2000 to U+2FFF and the compatibility ideographs. */
const NOT_DECOMPOSED = /[\u2000-\u2fff\uf900-\ufaff]|[\u{2f800}-\u{2faff}]/u;
const DECOMPOSED_RUNS = /[^\u2000-\u2fff\uf900-\ufaff\u{2f800}-\u{2faff}]+/gu;

/** Order of each code unit; 0 for those that do not count. */
const order = buildOrder();

function buildOrder(): Uint16Array {
  const table = Uint16Array.from({ length: 65536 }, (_, unit) => unit);
  table[0] = NUL_ORDER;
  for (const [first, last] of IGNORED) table.fill(0, first, last + 1);
  for (const [first, last] of CASED) {
    for (let unit = first; unit <= last; unit++) {
      const capital = String.fromCharCode(unit);
      const small = capital.toLowerCase();
      if (small.length === 1 && capital.normalize("NFD") === capital) {
        table[unit] = small.charCodeAt(0);
      }
    }
  }
  for (let unit = GEORGIAN_CAPITALS[0]; unit <= GEORGIAN_CAPITALS[1]; unit++) {
    table[unit] = unit + GEORGIAN_OFFSET;
  }
  return table;
}

/** FastUnicodeCompare, over big-endian code units. */
export function compareFolded(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  let i = aStart;
  let j = bStart;
  for (;;) {
    let left = 0;
    let right = 0;
    for (; i < aEnd && left === 0; i += 2) left = order[(a[i] << 8) | a[i + 1]];
    for (; j < bEnd && right === 0; j += 2) right = order[(b[j] << 8) | b[j + 1]];
    if (left !== right) return left - right;
    if (left === 0) return 0;
  }
}

/** Unit by unit, over big-endian code units. */
export function compareBinary(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  const length = Math.min(aEnd - aStart, bEnd - bStart);
  for (let k = 0; k < length; k++) {
    const difference = a[aStart + k] - b[bStart + k];
    if (difference !== 0) return difference;
  }
  return aEnd - aStart - (bEnd - bStart);
}

/** As HFS+ stores text: fully decomposed, but for the ranges that TN1150 leaves alone. */
export function decompose(text: string): string {
  if (!NOT_DECOMPOSED.test(text)) return text.normalize("NFD");
  return text.replace(DECOMPOSED_RUNS, (run) => run.normalize("NFD"));
}
