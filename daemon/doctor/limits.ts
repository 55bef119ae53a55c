/** Limits of the system that mounts run into: memory of pipes, open files. */
import { readFileSync } from "node:fs";
import { type Finding, fine, lack } from "./finding.js";
import { asRoot } from "./packages.js";

const PAGE_SIZE = 4096;
/** What one serving thread takes for zero-copy answers (fs-adapter/dev-fuse/splicer.ts). */
const PIPE_SIZE = 256 * 1024;
/** Threads at work at one time, on a machine that does much else with pipes. */
const ENOUGH_PIPES = 32;

/** The supervisor holds about four descriptors a mount. */
const DESCRIPTORS_PER_MOUNT = 4;
const ENOUGH_MOUNTS = 500;

/** pipe(7): what one pipe and what all pipes of one user may hold. 0 is no limit. */
export function pipes(folder = "/proc/sys/fs"): Finding {
  const subject = "pipes";
  const one = readNumber(`${folder}/pipe-max-size`);
  const allPages = readNumber(`${folder}/pipe-user-pages-soft`);
  const cost = "large reads are copied instead of passed through: about a third slower";
  if (one < PIPE_SIZE) {
    const remedy = `${asRoot}sysctl -w fs.pipe-max-size=1048576`;
    return lack("warning", subject, `may hold ${one} bytes only`, cost, remedy);
  }
  const count = Math.floor((allPages * PAGE_SIZE) / PIPE_SIZE);
  if (allPages !== 0 && count < ENOUGH_PIPES) {
    const found = `there is room for ${count} of ${PIPE_SIZE / 1024} KiB for each user`;
    return lack(
      "warning",
      subject,
      found,
      cost,
      `${asRoot}sysctl -w fs.pipe-user-pages-soft=16384`,
    );
  }
  const room = allPages === 0 ? "as many as wanted" : `${count} for each user`;
  return fine(subject, `of ${PIPE_SIZE / 1024} KiB, ${room}`);
}

/** `text` as /proc/self/limits has it. Node raises the soft limit to the hard one by itself. */
export function openFiles(text = readFileSync("/proc/self/limits", "utf8")): Finding {
  const subject = "open files";
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(text)?.[1] ?? "unlimited";
  const count = hard === "unlimited" ? Number.POSITIVE_INFINITY : Number(hard);
  const mounts = Math.floor(count / DESCRIPTORS_PER_MOUNT);
  if (mounts >= ENOUGH_MOUNTS) return fine(subject, `up to ${hard}`);
  return lack(
    "warning",
    subject,
    `up to ${hard}`,
    `about ${mounts} images can be mounted at one time`,
    "raise it in /etc/security/limits.conf: * hard nofile 524288",
  );
}

function readNumber(path: string): number {
  return Number(readFileSync(path, "utf8"));
}
