/** Times (ECMA-167 1/7.3): a calendar date, microseconds, minutes from UTC. */
import { u16 } from "./descriptor-tag.js";

export interface Timestamp {
  /** Since 1970, UTC. */
  seconds: number;
  nanoseconds: number;
}

/** The zone field of a time whose zone was not recorded. */
const UNSPECIFIED_ZONE = -2047;

/** 12 bytes at `at`. `localOffset` as in OpenContext, for local times without zone. */
export function decodeTimestamp(
  bytes: Uint8Array,
  at: number,
  localOffset: (secondsSince1970: number) => number,
): Timestamp {
  const typeAndZone = u16(bytes, at);
  const year = (u16(bytes, at + 2) << 16) >> 16;
  const month = bytes[at + 4];
  const day = bytes[at + 5];
  if (month === 0 && day === 0) return { seconds: 0, nanoseconds: 0 };
  const days = daysSince1970(year, month, day);
  let seconds = ((days * 24 + bytes[at + 6]) * 60 + bytes[at + 7]) * 60 + bytes[at + 8];
  // Type 0 is UTC, type 1 local; 12 bits hold the zone as a signed number.
  if (typeAndZone >> 12 === 1) {
    const zone = ((typeAndZone & 0xfff) << 20) >> 20;
    if (zone === UNSPECIFIED_ZONE) seconds -= localOffset(seconds);
    else if (Math.abs(zone) <= 1440) seconds -= zone * 60;
  }
  const centiseconds = bytes[at + 9];
  const hundreds = bytes[at + 10];
  const microseconds = bytes[at + 11];
  const inRange = centiseconds < 100 && hundreds < 100 && microseconds < 100;
  const micros = inRange ? centiseconds * 10_000 + hundreds * 100 + microseconds : 0;
  return { seconds, nanoseconds: micros * 1000 };
}

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
