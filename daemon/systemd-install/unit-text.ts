/** Unit files, as they are shipped and as they are installed. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageFolder } from "../client/installation.js";
import type { Scope } from "./scope.js";

/** Names of programs in the shipped units, which hold where a package of the distribution puts them. */
const SHIPPED_PROGRAM = /^(Exec\w+=[-@:+!|]*)\/usr\/(?:bin|lib\/isomount)\/([\w.-]+)/gm;

export function shippedUnit(scope: Scope, name: string): string {
  return readFileSync(join(packageFolder(), "systemd", scope, name), "utf8");
}

/**
 * The unit with this installation's programs, run by this very Node: systemd knows neither the path
 * of a shell nor version managers.
 */
export function unitText(
  shipped: string,
  node = process.execPath,
  folder = join(packageFolder(), "dist"),
): string {
  return shipped.replace(
    SHIPPED_PROGRAM,
    (_, start: string, program: string) =>
      `${start}${quoted(node)} ${quoted(join(folder, `${program}.js`))}`,
  );
}

/** systemd.service(5), "Command lines". */
function quoted(path: string): string {
  const escaped = path.replace(/[\\"]/g, "\\$&").replace(/[%$]/g, "$&$&");
  return escaped === path && !/\s/.test(path) ? path : `"${escaped}"`;
}
