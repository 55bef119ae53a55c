/**
 * Shows a mounted volume's folder with the volume's own icon, in file managers that keep such wishes
 * in GVfs' metadata: Nautilus, Nemo, Caja. (The side bars of all that build on GVfs take the icon
 * that `autorun.inf` names from the volume itself, if it is an `.ico`.) Nothing is written to the
 * mount: the icon lies in the user's cache, as a PNG of our own making.
 */
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
import { isAbsolute, join } from "node:path";
import { pathToFileURL } from "node:url";
import { runToEnd } from "../helper-program.js";
import { writePng } from "./png-writer.js";
import { volumeIcon } from "./volume-icon.js";

const ATTRIBUTE = "metadata::custom-icon";

/** In the cache; the oldest go first. */
const MAX_ICONS = 100;

/** For the folder of an image that has just been mounted. */
export async function showIcon(mountpoint: string): Promise<void> {
  const cache = cacheFolder(process.env);
  const picture = await volumeIcon(mountpoint);
  if (picture !== undefined) {
    const { href } = pathToFileURL(keepIcon(cache, writePng(picture)));
    await runToEnd("gio", ["set", mountpoint, ATTRIBUTE, href]);
  } else if (existsSync(cache)) {
    // The folder may have been another image's before.
    await runToEnd("gio", ["set", "-t", "unset", mountpoint, ATTRIBUTE]);
  }
}

/** XDG base directory specification: what is not absolute is ignored. */
function cacheFolder({ XDG_CACHE_HOME }: NodeJS.ProcessEnv): string {
  const caches =
    XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homedir(), ".cache");
  return join(caches, "isomount/icons");
}

/** Named by its content. Returns the path. */
function keepIcon(cache: string, png: Buffer): string {
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

function removeOldest(cache: string, keep: number): void {
  const icons = readdirSync(cache).map((name) => join(cache, name));
  if (icons.length <= keep) return;
  const ages = new Map(icons.map((path) => [path, statSync(path).mtimeMs]));
  icons.sort((a, b) => ages.get(a)! - ages.get(b)!);
  for (const path of icons.slice(0, icons.length - keep)) rmSync(path, { force: true });
}
