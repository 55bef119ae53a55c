/** How many descriptors this process may have open. */
import { readFileSync } from "node:fs";
import type { StateRecord } from "./state-record.js";

/** Where the kernel sets no bound. */
const MANY = 524_288;

/** Of its own, and of every mount beside the files that its image is made of. */
const OWN = 32;
const A_MOUNT = 4;

/**
 * Why this process cannot take these mounts on, if so. One that began to would have no descriptor
 * left half-way, and lose them; as long as nobody does, their servers serve on.
 */
export function lackOfDescriptors(
  records: readonly Pick<StateRecord, "needs">[],
  limit = descriptorLimit(),
): string | undefined {
  const files = records.flatMap(({ needs }) => needs.filter((need) => need.hasDescriptor)).length;
  const needed = OWN + A_MOUNT * records.length + files;
  if (needed <= limit) return undefined;
  const remedy = "raise it (ulimit -n, LimitNOFILE= of the unit) and start isomountd again";
  return `what is mounted takes ${needed} descriptors, and the limit here is ${limit}: ${remedy}`;
}

/** RLIMIT_NOFILE, the soft one; Node has raised it to the hard one. */
export function descriptorLimit(): number {
  const line = /^Max open files\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "latin1"));
  return line === null || line[1] === "unlimited" ? MANY : Number(line[1]);
}
