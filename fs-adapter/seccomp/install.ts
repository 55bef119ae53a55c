/** Puts this process behind the filter for good: the threads that it has, and those it will have. */
import {
  addressOf,
  check,
  errno,
  execv,
  fcntl,
  prctl,
  SystemError,
  syscall,
} from "../system/libc.js";
import { type Architecture, earlyFilter, isKnown, serverFilter } from "./filter.js";

const PR_SET_NO_NEW_PRIVS = 38;

const SYS_SECCOMP: Record<Architecture, number> = { x64: 317, arm64: 277 };
const SECCOMP_SET_MODE_FILTER = 1;
const SECCOMP_GET_ACTION_AVAIL = 2;
const SECCOMP_RET_KILL_PROCESS = 0x80000000;
/**
 * TSYNC: for all threads. SPEC_ALLOW: kernels before 5.16 would else have every thread do without
 * speculation that a process could read its own memory by, which slows all that it does.
 */
const FILTER_FLAGS = (1 << 0) | (1 << 2);

const F_SETFD = 2;

const SYS_IO_URING_REGISTER = 427;
const IORING_UNREGISTER_EVENTFD = 5;
const ESRCH = 3;
const ENXIO = 6;
/** libuv makes its rings before much else is open. */
const LOW_DESCRIPTORS = 64;

/** Why servers cannot be confined on this machine: no numbers are known for its calls, or no filters. */
export type FilterObstacle = "architecture" | "kernel";

export function filterObstacle(): FilterObstacle | undefined {
  const { arch } = process;
  if (!isKnown(arch)) return "architecture";
  const action = new Uint32Array([SECCOMP_RET_KILL_PROCESS]);
  const result = syscall(SYS_SECCOMP[arch], SECCOMP_GET_ACTION_AVAIL, 0, action, 0);
  return Number(result) < 0 ? "kernel" : undefined;
}

/**
 * Has this process do without what a server never needs. Starts the program anew, once, if Node has
 * made an io_uring: nothing may have happened yet that cannot happen twice, and of what is open the
 * descriptors `inherited` remain. Where the kernel refuses, the result is what it says, and the
 * process goes on without; what `filterObstacle` tells of is no news.
 */
export function confine(inherited: readonly number[]): string | undefined {
  const { arch } = process;
  if (!isKnown(arch) || filterObstacle() !== undefined) return undefined;
  try {
    if (hasRing()) {
      install(arch, earlyFilter(arch));
      startAnew(inherited);
    }
    install(arch, serverFilter(arch, process.pid));
    return undefined;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return error.message;
  }
}

/** What Node of this version is to be started behind, on this machine, so that it need not start twice. */
export function filterForNode(): Buffer | undefined {
  const { arch } = process;
  return isKnown(arch) && filterObstacle() === undefined && hasRing()
    ? earlyFilter(arch)
    : undefined;
}

/** Whether this process has an io_uring; asked of each descriptor, since there may be no /proc. */
function hasRing(): boolean {
  for (let fd = 0; fd < LOW_DESCRIPTORS; fd++) {
    // Of a ring that has no eventfd there is none to take away. Others give EOPNOTSUPP or EBADF.
    const result = syscall(SYS_IO_URING_REGISTER, fd, IORING_UNREGISTER_EVENTFD, null, 0);
    if (Number(result) >= 0 || errno() === ENXIO) return true;
  }
  return false;
}

function install(architecture: Architecture, program: Buffer): void {
  check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl");
  // struct sock_fprog: the number of instructions, and where they lie.
  const filter = Buffer.alloc(16);
  filter.writeUInt16LE(program.length / 8, 0);
  filter.writeBigUInt64LE(addressOf(program), 8);
  const result = check(
    syscall(SYS_SECCOMP[architecture], SECCOMP_SET_MODE_FILTER, FILTER_FLAGS, filter, 0),
    "seccomp",
  );
  // The id of a thread that has a filter which the others have not.
  if (result > 0) throw new SystemError("seccomp", ESRCH);
}

function startAnew(inherited: readonly number[]): never {
  // Node has marked whatever it was started with as its own.
  for (const fd of inherited) check(fcntl(fd, F_SETFD, 0), "fcntl");
  const parameters = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  check(execv(process.execPath, [...parameters, null]), "execv");
  throw new Error("execv returned");
}
