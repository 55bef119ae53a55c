/** Folders that were made for files which are gone. */
import { rmdirSync } from "node:fs";
import { dirname } from "node:path";

/** Removes the folder and those above it as long as they are empty, and none of `keep`. */
export function removeEmptyFolders(folder: string, keep: readonly string[]): void {
  for (let path = folder; path !== "/" && !keep.includes(path); path = dirname(path)) {
    try {
      rmdirSync(path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") continue;
      // A file, not a folder.
      if (code === "ENOTDIR") return;
      // Somebody else's files are in it, or it is not ours to remove.
      if (code === "ENOTEMPTY" || code === "EEXIST" || code === "EACCES" || code === "EBUSY")
        return;
      throw error;
    }
  }
}
