/**
 * Dates of ECMA-119 (8.4.26.1 with 17 bytes, 9.1.5 with 7 bytes) and of High Sierra (one byte
 * less: no offset from Greenwich).
 */

/** Seconds since 1970 of a proleptic Gregorian date; fields out of range carry over. */
function civilSeconds(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): number {
  // Years are counted from 1 March of year 0, so that the leap day comes last.
  const y = month <= 2 ? year - 1 : year;
  const shifted = month <= 2 ? month + 9 : month - 3;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * shifted + 2) / 5) + day - 1;
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  const days = era * 146_097 + dayOfEra - 719_468;
  return days * 86_400 + hour * 3600 + minute * 60 + second;
}

/** Seconds to subtract for an offset byte: quarter hours east of Greenwich, -48 to 52 (9.1.5). */
function zoneSeconds(byte: number): number {
  const quarters = byte > 127 ? byte - 256 : byte;
  // Writers that leave rubbish there mean Greenwich. -52 for symmetry, as Linux grants.
  return quarters >= -52 && quarters <= 52 ? quarters * 900 : 0;
}

/** A directory record's date in seconds since 1970; NaN where none is given. */
export function recordTime(bytes: Uint8Array, at: number, highSierra: boolean): number {
  const month = bytes[at + 1];
  const day = bytes[at + 2];
  if (month === 0 || month > 12 || day === 0 || day > 31) return Number.NaN;
  const local = civilSeconds(
    1900 + bytes[at],
    month,
    day,
    bytes[at + 3],
    bytes[at + 4],
    bytes[at + 5],
  );
  return highSierra ? local : local - zoneSeconds(bytes[at + 6]);
}

export interface LongTime {
  seconds: number;
  nanoseconds: number;
}

/** A date of 16 digits and an offset (17 bytes; 16 in High Sierra); undefined where none is given. */
export function digitsTime(
  bytes: Uint8Array,
  at: number,
  highSierra: boolean,
): LongTime | undefined {
  const year = digits(bytes, at, 4);
  const month = digits(bytes, at + 4, 2);
  const day = digits(bytes, at + 6, 2);
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= 31 && year >= 0)) return undefined;
  const hour = digits(bytes, at + 8, 2) || 0;
  const minute = digits(bytes, at + 10, 2) || 0;
  const second = digits(bytes, at + 12, 2) || 0;
  const hundredths = digits(bytes, at + 14, 2) || 0;
  const local = civilSeconds(year, month, day, hour, minute, second);
  return {
    seconds: highSierra ? local : local - zoneSeconds(bytes[at + 16]),
    nanoseconds: hundredths * 10_000_000,
  };
}

/** NaN where a byte is no digit. */
function digits(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const digit = bytes[i] - 0x30;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}
