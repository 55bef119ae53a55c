/** /sbin/mount.isomount, which mount(8) runs for `mount -t isomount` and for lines of fstab. */
import { join } from "node:path";
import { packageFolder } from "../client/installation.js";
import { markLine } from "./files.js";

export const helperPath = "/sbin/mount.isomount";

/** Not a link to the program: that begins with `env node`, and mount(8) has a path of its own. */
export function helperText(
  node = process.execPath,
  program = join(packageFolder(), "dist/mount.isomount.js"),
): string {
  return `#!/bin/sh\n${markLine}exec ${quoted(node)} ${quoted(program)} "$@"\n`;
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`;
}
