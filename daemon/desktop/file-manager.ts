/** Shows a folder in the desktop's file manager. */
import { startDetached } from "./helper-program.js";

/** What cannot open a folder says so within this time; a file manager may stay for ever. */
const FAILURE_MILLISECONDS = 2000;

/** False where nothing could show it. The path is absolute. */
export async function showFolder(path: string): Promise<boolean> {
  return (
    (await startDetached("xdg-open", [path], FAILURE_MILLISECONDS)) ||
    (await startDetached("gio", ["open", path], FAILURE_MILLISECONDS))
  );
}
