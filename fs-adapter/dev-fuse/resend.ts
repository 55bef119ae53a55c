/** FUSE_NOTIFY_RESEND: the kernel gives again what was read from a connection and not answered. */
import { writeSync } from "node:fs";
import { FUSE_NOTIFY_RESEND, OUT_HEADER_SIZE } from "./abi.js";

/** Asks for everything. Older kernels than 6.9 refuse: what lies in the slots is all there is then. */
export function resend(fuse: number): void {
  const header = Buffer.alloc(OUT_HEADER_SIZE);
  header.writeUInt32LE(OUT_HEADER_SIZE, 0);
  header.writeInt32LE(FUSE_NOTIFY_RESEND, 4);
  try {
    writeSync(fuse, header);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EINVAL" && code !== "ENODEV") throw error;
  }
}
