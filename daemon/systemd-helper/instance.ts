/**
 * What a unit's instance says, as systemd-escape(1) has written it. Not left to systemd's `%f`: what
 * stands in a command line after that is searched for `$` and `${}`, which a path may hold.
 */
import { resolve } from "node:path";

/** `with\x20space` is `with space`; dashes stay. */
export function unescapeName(instance: string): string {
  const bytes = Buffer.from(instance)
    .toString("latin1")
    .replace(/\\x([0-9a-f]{2})/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
  return Buffer.from(bytes, "latin1").toString();
}

/** `srv-my\x2dimages` is `/srv/my-images`. */
export function unescapePath(instance: string): string {
  return resolve("/", unescapeName(instance.replaceAll("-", "/")));
}
