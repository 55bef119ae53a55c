/** Puts isomount's files where desktops look for them, and takes them away again. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { removeEmptyFolders } from "../client/empty-folders.js";
import type { Program } from "./command-line.js";
import { addDefaults, removeDefaults } from "./default-applications.js";
import { updateDesktopCaches } from "./desktop-caches.js";
import { type DesktopFile, desktopFiles, HANDLER, handledTypes } from "./files.js";
import type { Places } from "./places.js";

/** Returns the paths that were written: none where all was there already. */
export function installDesktop(places: Places, program: Program): string[] {
  const written = desktopFiles(places, program).filter(isOutdated);
  for (const { path, text, executable } of written) {
    replaceFile(path, text, executable ? 0o755 : 0o644);
  }
  const defaults = changeDefaults(places, (text) => addDefaults(text, handledTypes, HANDLER));
  if (written.length + defaults.length > 0) updateDesktopCaches(places);
  return [...written.map(({ path }) => path), ...defaults];
}

/** Returns the paths that were removed or changed: none where nothing was there. */
export function uninstallDesktop(places: Places, program: Program): string[] {
  const present = desktopFiles(places, program)
    .map(({ path }) => path)
    .filter((path) => existsSync(path));
  for (const path of present) rmSync(path);
  const defaults = changeDefaults(places, (text) => removeDefaults(text, HANDLER));
  if (present.length + defaults.length > 0) updateDesktopCaches(places);
  for (const path of present) removeEmptyFolders(dirname(path), places.keep);
  return [...present, ...defaults];
}

function isOutdated({ path, text, executable }: DesktopFile): boolean {
  if (readText(path) !== text) return true;
  return executable && (statSync(path).mode & 0o111) !== 0o111;
}

function changeDefaults(places: Places, change: (text: string) => string): string[] {
  const path = resolveLink(join(places.config, "mimeapps.list"));
  const before = readText(path);
  const after = change(before ?? "");
  if (after === (before ?? "")) return [];
  if (after === "") {
    rmSync(path);
    removeEmptyFolders(places.config, places.keep);
  } else replaceFile(path, after, before === undefined ? 0o644 : statSync(path).mode & 0o7777);
  return [path];
}

/** Where settings are kept in one folder and linked from here, the link stays. */
function resolveLink(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** At once, so that a desktop which looks meanwhile sees the old one or the new one whole. */
function replaceFile(path: string, text: string, mode: number): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const fresh = `${path}.${process.pid}.new`;
  try {
    writeFileSync(fresh, text, { mode, flag: "wx" });
    // Whatever the umask took away: a system's files are for everybody.
    chmodSync(fresh, mode);
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}
