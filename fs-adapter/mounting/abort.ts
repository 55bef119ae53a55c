/** Ends a FUSE connection that nobody serves any more, so that nobody waits for it for ever. */
import { closeSync, constants, openSync, writeSync } from "node:fs";

/**
 * Whoever waits for an answer gets ECONNABORTED. Unmounting is not enough: a server's thread that
 * was killed while it waited in the kernel for a page holds the connection open, and the page's
 * reader waits for the connection. `device`: of the superblock, `0:52`, whose minor number is the
 * connection's name. The kernel lets the mounting user do this.
 */
export function abortConnection(device: string): void {
  const [, minor] = device.split(":");
  try {
    const fd = openSync(`/sys/fs/fuse/connections/${minor}/abort`, constants.O_WRONLY);
    writeSync(fd, "1");
    closeSync(fd);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // It has ended meanwhile, or this is a container without the control filesystem.
    if (!["ENOENT", "EROFS", "EACCES"].includes(code ?? "")) throw error;
  }
}
