/** Where mountpoints are made that nobody named. */
import { accessSync, constants } from "node:fs";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import { codeOf } from "./failure.js";

/** Where desktops look for removable media, else the home folder. */
export function defaultFolder(): string {
  const media = `/run/media/${userName()}`;
  if (process.getuid!() === 0) return media;
  try {
    accessSync(media, constants.W_OK);
    return media;
  } catch {
    // Only there once a desktop has made it for this user.
    return homeFolder();
  }
}

export function homeFolder(): string {
  return process.getuid!() === 0 ? `/run/media/${userName()}` : join(homedir(), "Mounts");
}

/** The number, where containers run as a user that has no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch (error) {
    if (codeOf(error) !== "ERR_SYSTEM_ERROR") throw error;
    return String(process.getuid!());
  }
}
