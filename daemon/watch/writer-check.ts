/** Whether somebody is still writing to a file: the kernel knows, and tells who asks for a lease. */
import { closeSync, constants, openSync } from "node:fs";
import { errno, fcntl } from "../../fs-adapter/system/libc.js";
import { codeOf } from "../client/failure.js";

const F_SETLEASE = 1024;
const F_RDLCK = 0;
const F_UNLCK = 2;
const EAGAIN = 11;

/**
 * fcntl(2), "Leases": a read lease is not given while the file is open for writing anywhere.
 * Undefined where leases are not given at all: the file is somebody else's, or lies on a filesystem
 * that has none.
 */
export function isBeingWritten(path: string): boolean | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    // Somebody else holds a lease, or it is gone, or not to be read: mounting will tell.
    return codeOf(error) === "EAGAIN" ? true : undefined;
  }
  try {
    if (fcntl(fd, F_SETLEASE, F_RDLCK) === 0) {
      fcntl(fd, F_SETLEASE, F_UNLCK);
      return false;
    }
    return errno() === EAGAIN ? true : undefined;
  } finally {
    closeSync(fd);
  }
}

/** Who opens the file for writing in between makes the kernel send this signal, which would end us. */
export function surviveBrokenLeases(): void {
  process.on("SIGIO", () => {});
}
