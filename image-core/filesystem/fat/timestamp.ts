/** Dates and times as MS-DOS packs them, and as FAT and exFAT store them. FAT specification 1.03, "Date and Time Formats". */

/**
 * Seconds since 1970 as if the stored local time were UTC. `date`: bits 0-4 day, 5-8 month, 9-15
 * years since 1980; `time`: bits 0-4 two-second count, 5-10 minute, 11-15 hour. A month or day of 0,
 * which writers without a clock leave, counts as the first.
 */
export function localSeconds(date: number, time: number): number {
  const year = 1980 + (date >> 9);
  const month = Math.max(1, (date >> 5) & 15);
  const day = Math.max(1, date & 31);
  return Date.UTC(year, month - 1, day, time >> 11, (time >> 5) & 63, (time & 31) * 2) / 1000;
}
