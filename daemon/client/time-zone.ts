/** The caller's time zone, which the daemon's own need not be. */
import { readlinkSync } from "node:fs";

const ZONEINFO = /\/zoneinfo\/(?:posix\/|right\/)?(.+)$/;

/** IANA name. From the symlink, because asking Intl loads its tables: several milliseconds. */
export function timeZone(
  variable = process.env.TZ,
  link: () => string = () => readlinkSync("/etc/localtime"),
): string {
  if (variable !== undefined) return fromVariable(variable);
  try {
    const zone = ZONEINFO.exec(link())?.[1];
    if (zone !== undefined) return zone;
  } catch {
    // No symlink: a copy of the zone's file, or none at all, which means UTC.
  }
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** tzset(3): empty is UTC, a colon may stand before a name; rules as `CET-1CEST` are Intl's matter. */
function fromVariable(variable: string): string {
  const name = variable.replace(/^:/, "");
  if (name === "") return "UTC";
  const zone = ZONEINFO.exec(name)?.[1] ?? name;
  return /^[A-Za-z_]+(\/[A-Za-z0-9_+-]+)*$/.test(zone)
    ? zone
    : Intl.DateTimeFormat().resolvedOptions().timeZone;
}
