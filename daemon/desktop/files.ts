/** Every file that makes a desktop know isomount: `data/`, with our own command filled in. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { fillDesktopEntry, fillScript, type Program } from "./command-line.js";
import type { Places } from "./places.js";

/** The file of `data/share/applications` that double-clicks run. */
export const HANDLER = "isomount.desktop";

/** Types that isomount opens; it is made the default for each. */
export const handledTypes: readonly string[] = [
  // Of shared-mime-info; since version 2.3 under the names with `vnd.efi`.
  "application/x-cd-image",
  "application/vnd.efi.iso",
  "application/x-iso9660-image",
  "application/x-raw-disk-image",
  "application/vnd.efi.img",
  "application/x-apple-diskimage",
  "application/x-cue",
  "application/x-cdrdao-toc",
  // Of data/share/mime/packages/isomount.xml.
  "application/x-ccd",
  "application/x-mds",
  "application/x-mdx",
  "application/x-nrg",
  "application/x-raw-cd-image",
  "application/x-apple-sparseimage",
  "application/x-apple-diskcopy",
  "application/x-2img",
];

export interface DesktopFile {
  path: string;
  text: string;
  /** Scripts, and menus in KDE, which runs none in a user's folder without the x bit. */
  executable: boolean;
}

/** Beside the sources, or, when built, in the package beside `dist/`. */
const data = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "data/" : "../daemon/desktop/data/", import.meta.url),
);

export function desktopFiles(places: Places, program: Program): DesktopFile[] {
  const shared = filesBelow(join(data, "share")).map((file) => ({
    path: join(places.data, relative(join(data, "share"), file)),
    text: fillDesktopEntry(readFileSync(file, "utf8"), program),
    executable: file.includes("/servicemenus/"),
  }));
  const scripts = filesBelow(join(data, "scripts")).flatMap((file) =>
    places.scripts.map((folder) => ({
      path: join(folder, relative(join(data, "scripts"), file)),
      text: fillScript(readFileSync(file, "utf8"), program),
      executable: true,
    })),
  );
  return [...shared, ...scripts];
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
