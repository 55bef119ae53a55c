/** Times (ECMA-167 1/7.3): a calendar date, microseconds, minutes from UTC. */

/** The zone field of a time whose zone was not recorded. */
const UNSPECIFIED_ZONE = -2047;

/**
 * Whole seconds since 1970, UTC, of the 12 bytes at `at`; 0 of a time that was not recorded.
 * `localOffset` as in OpenContext, for local times without zone.
 */
export function timestampSeconds(
  view: DataView,
  at: number,
  localOffset: (secondsSince1970: number) => number,
): number {
  const typeAndZone = view.getUint16(at, true);
  const date = view.getUint32(at + 2, true);
  if (isUnrecorded(date)) return 0;
  if (date !== lastDate) {
    lastDays = daysSince1970((date << 16) >> 16, (date >>> 16) & 0xff, date >>> 24);
    lastDate = date;
  }
  let seconds =
    ((lastDays * 24 + view.getUint8(at + 6)) * 60 + view.getUint8(at + 7)) * 60 +
    view.getUint8(at + 8);
  // Type 0 is UTC, type 1 local; 12 bits hold the zone as a signed number.
  if (typeAndZone >> 12 === 1) {
    const zone = ((typeAndZone & 0xfff) << 20) >> 20;
    if (zone === UNSPECIFIED_ZONE) seconds -= localOffset(seconds);
    else if (Math.abs(zone) <= 1440) seconds -= zone * 60;
  }
  return seconds;
}

/** Nanoseconds of the second of the same 12 bytes; 0 where they are out of range. */
export function timestampNanoseconds(view: DataView, at: number): number {
  if (isUnrecorded(view.getUint32(at + 2, true))) return 0;
  const centiseconds = view.getUint8(at + 9);
  const hundreds = view.getUint8(at + 10);
  const microseconds = view.getUint8(at + 11);
  const inRange = centiseconds < 100 && hundreds < 100 && microseconds < 100;
  return inRange ? (centiseconds * 10_000 + hundreds * 100 + microseconds) * 1000 : 0;
}

/** Whether the 12 bytes at `a` and those at `b` are the same. */
export function sameTimestamp(view: DataView, a: number, b: number): boolean {
  return (
    view.getInt32(a + 4, true) === view.getInt32(b + 4, true) &&
    view.getInt32(a + 8, true) === view.getInt32(b + 8, true) &&
    view.getInt32(a, true) === view.getInt32(b, true)
  );
}

/** `date`: year, month and day, as the four bytes that they are. */
function isUnrecorded(date: number): boolean {
  return date >>> 16 === 0;
}

/** A disc's files mostly are of a few days. Month and day of the first value are no date. */
let lastDate = 0;
let lastDays = 0;

/** In the proleptic Gregorian calendar. Months and days out of range run on into the next. */
function daysSince1970(year: number, month: number, day: number): number {
  // Years that begin in March put the leap day last.
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  return era * 146_097 + dayOfEra + dayOfYear - 719_468;
}
