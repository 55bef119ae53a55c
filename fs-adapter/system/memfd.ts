/** Anonymous files: memory that has a descriptor, so that it can be handed to another process. */
import { ftruncateSync, writeSync } from "node:fs";
import { check, memfdCreate } from "./libc.js";

const MFD_CLOEXEC = 1;

/** A memfd of `size` zero bytes. `name` shows in /proc only. */
export function createMemfd(name: string, size: number): number {
  const fd = check(memfdCreate(name, MFD_CLOEXEC), "memfd_create");
  ftruncateSync(fd, size);
  return fd;
}

/** A memfd that holds `bytes`. */
export function memfdWith(name: string, bytes: Uint8Array): number {
  const fd = createMemfd(name, bytes.length);
  writeSync(fd, bytes, 0, bytes.length, 0);
  return fd;
}
