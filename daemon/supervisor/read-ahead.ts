/** Raising a mount's readahead: the kernel's own is 128 KiB, less than one request. */
import { writeFileSync } from "node:fs";

/** `device` as in mountinfo. Only root may; for others the default stays. */
export function raiseReadAhead(device: string, bytes: number): void {
  if (process.geteuid?.() !== 0) return;
  try {
    writeFileSync(`/sys/class/bdi/${device}/read_ahead_kb`, String(bytes / 1024));
  } catch (error) {
    // No sysfs in this container, or read-only: slower, not broken.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "EROFS" && code !== "EACCES" && code !== "EPERM") throw error;
  }
}
