/** Helps the eject button of desktops whose gvfs needs it (`rpc/eject-alias.ts`). */
import { existsSync, readdirSync, readlinkSync, symlinkSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { ejectAlias } from "../rpc/eject-alias.js";
import { codeOf } from "./failure.js";

/** GLib 2.80 came out with gvfs 1.54, which does without the link; gvfs itself tells no version. */
const FIRST_GOOD_GLIB_MINOR = 80;

/** `parent` is the descriptor of the folder that `name` was made in. */
export function makeEjectAlias(parent: number, name: string, system = "/usr"): void {
  const alias = ejectAlias(name);
  if (alias === undefined || !needsAlias(system)) return;
  try {
    symlinkSync(name, aliasPath(parent, alias));
  } catch (error) {
    // There from before, or four times as long as the name: ejecting is a convenience.
    const code = codeOf(error);
    if (code !== "EEXIST" && code !== "ENAMETOOLONG") throw error;
  }
}

export function removeEjectAlias(parent: number, name: string): void {
  const alias = ejectAlias(name);
  if (alias === undefined) return;
  try {
    unlinkSync(aliasPath(parent, alias));
  } catch (error) {
    const code = codeOf(error);
    if (code !== "ENOENT" && code !== "ENAMETOOLONG") throw error;
  }
}

function aliasPath(parent: number, alias: string): string {
  return `/proc/self/fd/${parent}/${alias}`;
}

function needsAlias(system: string): boolean {
  if (!existsSync(join(system, "share/gvfs/remote-volume-monitors/udisks2.monitor"))) return false;
  const minor = glibMinor(join(system, "lib")) ?? glibMinor(join(system, "lib64"));
  return minor !== undefined && minor < FIRST_GOOD_GLIB_MINOR;
}

/** By the library's file name, `libglib-2.0.so.0.7400.6` for 2.74.6, in the folder or its `*-linux-gnu`. */
function glibMinor(folder: string): number | undefined {
  if (!existsSync(folder)) return undefined;
  const folders = readdirSync(folder).filter((name) => name.includes("-linux-"));
  for (const place of ["", ...folders]) {
    const library = join(folder, place, "libglib-2.0.so.0");
    if (!existsSync(library)) continue;
    const version = /\.so\.0\.(\d+)\d\d\.\d+$/.exec(readlinkSync(library))?.[1];
    if (version !== undefined) return Number(version);
  }
  return undefined;
}
