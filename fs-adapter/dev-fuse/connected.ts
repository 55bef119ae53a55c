/** Whether a /dev/fuse descriptor still belongs to a filesystem, mounted or open. */
import { check, poll } from "../system/libc.js";
import { POLLERR } from "../system/poller.js";

/**
 * The kernel shows an error once the filesystem is gone: unmounted everywhere, and its last file
 * closed. Never blocks.
 */
export function isConnected(fuse: number): boolean {
  // struct pollfd: int fd, short events, short revents.
  const entry = Buffer.alloc(8);
  entry.writeInt32LE(fuse, 0);
  check(poll(entry, 1, 0), "poll");
  return (entry.readInt16LE(6) & POLLERR) === 0;
}
