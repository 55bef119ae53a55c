/** Icons of volumes in the user's cache, where file managers read them. */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { removeEmptyFolders } from "../../client/empty-folders.js";

/** The oldest go first. */
const MAX_ICONS = 100;

/** XDG base directory specification: what is not absolute is ignored. */
export function iconCache({ XDG_CACHE_HOME }: NodeJS.ProcessEnv = process.env): string {
  const caches =
    XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homedir(), ".cache");
  return join(caches, "isomount/icons");
}

/** Named by its content. Returns the path. */
export function keepIcon(png: Buffer, cache = iconCache()): string {
  mkdirSync(cache, { recursive: true, mode: 0o700 });
  const name = createHash("sha256").update(png).digest("hex").slice(0, 32);
  const path = join(cache, `${name}.png`);
  if (!existsSync(path)) removeOldest(cache, MAX_ICONS - 1);
  // In one step, and with a time that says when it was last needed.
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, png, { mode: 0o600 });
  renameSync(fresh, path);
  return path;
}

/** Folders then look like any other. */
export function removeIcons(cache = iconCache()): void {
  rmSync(cache, { recursive: true, force: true });
  removeEmptyFolders(dirname(cache), [dirname(dirname(cache))]);
}

function removeOldest(cache: string, keep: number): void {
  const icons = readdirSync(cache).map((name) => join(cache, name));
  if (icons.length <= keep) return;
  const ages = new Map(icons.map((path) => [path, statSync(path).mtimeMs]));
  icons.sort((a, b) => ages.get(a)! - ages.get(b)!);
  for (const path of icons.slice(0, icons.length - keep)) rmSync(path, { force: true });
}
