/** What discs and disks are filled with, so that each holds the same. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { made, noiseFile, smallFiles } from "./make.js";

export const FILE_MEBIBYTES = 256;

/** A folder with `file`, which does not compress, and 20,000 small files in `tree`. */
export function contents(folder: string): string {
  return made(folder, "contents", (path) => {
    mkdirSync(path);
    noiseFile(join(path, "file"), FILE_MEBIBYTES);
    smallFiles(join(path, "tree"), 40, 500);
  });
}
