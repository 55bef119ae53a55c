/** Anonymous files: memory that has a descriptor, so that it can be handed to another process. */
import { ftruncateSync, writeSync } from "node:fs";
import { check, fcntl, memfdCreate } from "./libc.js";

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
const F_SEAL_SEAL = 1;
const F_SEAL_SHRINK = 2;
const F_SEAL_GROW = 4;

/**
 * A memfd of `size` zero bytes, for good: whom it is handed to cannot make it larger, which would
 * take memory that nobody counts, nor smaller, upon which whoever else has it mapped would die of
 * SIGBUS. `name` shows in /proc only.
 */
export function createMemfd(name: string, size: number): number {
  const fd = check(memfdCreate(name, MFD_CLOEXEC | MFD_ALLOW_SEALING), "memfd_create");
  ftruncateSync(fd, size);
  check(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW), "fcntl");
  return fd;
}

/** A memfd that holds `bytes`. */
export function memfdWith(name: string, bytes: Uint8Array): number {
  const fd = createMemfd(name, bytes.length);
  writeSync(fd, bytes, 0, bytes.length, 0);
  return fd;
}
