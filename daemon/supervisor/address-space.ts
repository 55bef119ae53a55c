/** Whether this process and those it starts may have only so many addresses (`ulimit -v`). */
import { readFileSync } from "node:fs";

export function isAddressSpaceLimited(): boolean {
  const limits = readFileSync("/proc/self/limits", "latin1");
  return !/^Max address space +unlimited/m.test(limits);
}
