/** Ends a FUSE connection that nobody serves any more, so that nobody waits for it for ever. */
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { close, mountDetached, SystemError } from "../system/libc.js";

/**
 * Whoever waits for an answer gets ECONNABORTED. Unmounting is not enough: a server's thread that
 * was killed while it waited in the kernel for a page holds the connection open, and the page's
 * reader waits for the connection. `device`: of the superblock, `0:52`, whose minor number is the
 * connection's name. The kernel lets the mounting user do this.
 */
export function abortConnection(device: string): void {
  if (tryToAbort("/sys/fs/fuse/connections", device)) return;
  // It has ended meanwhile, or the control filesystem is not mounted, as in containers.
  if (process.geteuid?.() !== 0) return;
  let control: number;
  try {
    control = mountDetached("fusectl");
  } catch (error) {
    if (!(error instanceof SystemError) || !WITHOUT.has(error.code)) throw error;
    return;
  }
  try {
    tryToAbort(`/proc/self/fd/${control}`, device);
  } finally {
    close(control);
  }
}

/** A container that does not let its root mount this, or an old kernel. */
const WITHOUT = new Set(["EPERM", "ENODEV", "ENOSYS"]);

/** False where the connection is not there. */
function tryToAbort(folder: string, device: string): boolean {
  const [, minor] = device.split(":");
  try {
    const fd = openSync(`${folder}/${minor}/abort`, constants.O_WRONLY);
    writeSync(fd, "1");
    closeSync(fd);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!["ENOENT", "EROFS", "EACCES"].includes(code ?? "")) throw error;
    return false;
  }
}
