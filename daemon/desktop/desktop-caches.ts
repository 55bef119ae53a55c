/** Tells the desktop what has changed: the caches that it reads in place of the files themselves. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { removeEmptyFolders } from "../client/empty-folders.js";
import type { Places } from "./places.js";

/** What update-mime-database writes beside `packages`, besides one folder a media type. */
const MIME_CACHES = [
  "XMLnamespaces",
  "aliases",
  "generic-icons",
  "globs",
  "globs2",
  "icons",
  "magic",
  "mime.cache",
  "subclasses",
  "treemagic",
  "types",
  "version",
];

/** Brings the caches up to date, or removes those that have nothing left to tell. */
export function updateDesktopCaches(places: Places): void {
  updateMimeDatabase(places);
  updateHandlers(places);
  updateIcons(join(places.data, "icons/hicolor"));
  // KDE's own, newest first. It notices by itself, too, but later.
  if (!tell("kbuildsycoca6")) tell("kbuildsycoca5");
}

function updateMimeDatabase({ data, keep }: Places): void {
  const mime = join(data, "mime");
  if (!existsSync(mime)) return;
  const packages = join(mime, "packages");
  // Without a package it takes the types out again that an earlier run wrote.
  if (existsSync(packages)) tell("update-mime-database", mime);
  if (existsSync(packages) && readdirSync(packages).length > 0) return;
  for (const name of MIME_CACHES) rmSync(join(mime, name), { force: true });
  // A folder for each media type stays behind, empty.
  for (const name of readdirSync(mime)) removeEmptyFolders(join(mime, name), keep);
}

function updateHandlers({ data, keep }: Places): void {
  const applications = join(data, "applications");
  if (!existsSync(applications)) return;
  tell("update-desktop-database", "-q", applications);
  const left = readdirSync(applications);
  if (left.length !== 1 || left[0] !== "mimeinfo.cache") return;
  rmSync(join(applications, "mimeinfo.cache"));
  removeEmptyFolders(applications, keep);
}

/**
 * A cache is only brought up to date, never made: where there is one, icons that others add
 * without it stay unseen. Without one the theme's time is what says that something is new.
 */
function updateIcons(theme: string): void {
  if (!existsSync(theme)) return;
  const now = new Date();
  utimesSync(theme, now, now);
  if (existsSync(join(theme, "icon-theme.cache"))) {
    tell("gtk-update-icon-cache", "-q", "-f", "-t", theme);
  }
}

/** False where the program is not there: then nobody reads its cache, either. */
function tell(program: string, ...parameters: string[]): boolean {
  const { error } = spawnSync(program, parameters, { stdio: "ignore", timeout: 60_000 });
  return error === undefined;
}
