/**
 * The system calls that Node does not offer, by koffi. One function each, declared when this file
 * is loaded (about 10 ms): import it only where one is needed.
 *
 * Each returns what the call returns; `check` turns -1 into a `SystemError` with the errno's name.
 */
import { constants as osConstants } from "node:os";
import koffi from "koffi";

const libc = koffi.load("libc.so.6");

koffi.struct("iovec", { base: "void *", length: "size_t" });
koffi.struct("msghdr", {
  name: "void *",
  nameLength: "uint32",
  iov: "iovec *",
  iovLength: "size_t",
  control: "void *",
  controlLength: "size_t",
  flags: "int",
});

export const close = libc.func("int close(int)");
export const socket = libc.func("int socket(int, int, int)");
export const socketpair = libc.func("int socketpair(int, int, int, void *)");
export const bind = libc.func("int bind(int, void *, uint32)");
export const listen = libc.func("int listen(int, int)");
export const accept4 = libc.func("int accept4(int, void *, void *, int)");
export const connect = libc.func("int connect(int, void *, uint32)");
export const getsockopt = libc.func("int getsockopt(int, int, int, void *, void *)");
export const setsockopt = libc.func("int setsockopt(int, int, int, void *, uint32)");
export const sendmsg = libc.func("long sendmsg(int, msghdr *, int)");
export const recvmsg = libc.func("long recvmsg(int, _Inout_ msghdr *, int)");
export const poll = libc.func("int poll(void *, ulong, int)");
export const eventfd = libc.func("int eventfd(uint32, int)");
export const pipe2 = libc.func("int pipe2(void *, int)");
export const fcntl = libc.func("int fcntl(int, int, long)");
export const flock = libc.func("int flock(int, int)");
export const splice = libc.func("long splice(int, void *, int, void *, size_t, uint32)");
/** Gives what malloc keeps for later back to the system. */
export const mallocTrim = libc.func("int malloc_trim(size_t)");
export const mmap = libc.func("void *mmap(void *, size_t, int, int, int, long)");
export const munmap = libc.func("int munmap(void *, size_t)");
export const memfdCreate = libc.func("int memfd_create(const char *, uint32)");
export const mount = libc.func(
  "int mount(const char *, const char *, const char *, ulong, const char *)",
);
export const umount2 = libc.func("int umount2(const char *, int)");
/** Ends the process without waiting for any thread, or telling anybody. */
export const exitAtOnce = libc.func("void _exit(int)");
export const statx = libc.func("int statx(int, const char *, int, uint32, void *)");
export const unlinkat = libc.func("int unlinkat(int, const char *, int)");
export const prctl = libc.func("int prctl(int, ulong, ulong, ulong, ulong)");
/** The last of the parameters is null. */
export const execv = libc.func("int execv(const char *, const char **)");
const syscall4 = libc.func("long syscall(long, int, const char *, void *, size_t)");
/** Calls that libc has no function for. */
export const syscall = libc.func("long syscall(long, uint32, uint32, void *, uint32)");

/** A view of `length` bytes of mapped memory: not to be touched after it is unmapped. */
export function view(address: unknown, length: number): ArrayBuffer {
  return koffi.view(address, length);
}

/** Where the bytes lie, for structs that point to them. */
export function addressOf(bytes: Uint8Array): bigint {
  return koffi.address(bytes);
}

const names = new Map(
  Object.entries(osConstants.errno)
    // Two names for one number: EAGAIN is the one that the manuals use.
    .filter(([name]) => name !== "EWOULDBLOCK" && name !== "ENOTSUP")
    .map(([name, value]) => [value as number, name]),
);

/** A failed system call, with the errno's name as Node's own errors have it. */
export class SystemError extends Error {
  override readonly name = "SystemError";
  readonly code: string;

  constructor(
    readonly call: string,
    readonly errno: number,
  ) {
    const code = names.get(errno) ?? `errno ${errno}`;
    super(`${call}: ${code}`);
    this.code = code;
  }
}

/** The process, or the machine, can open nothing more for now; of Node's errors as of our own. */
export function isForWantOfDescriptors(error: unknown): boolean {
  return ["EMFILE", "ENFILE"].includes((error as { code?: string }).code ?? "");
}

export function errno(): number {
  return koffi.errno();
}

/** The result, or `SystemError` where it is -1. */
export function check(result: number | bigint, call: string): number {
  const value = Number(result);
  if (value < 0) throw new SystemError(call, koffi.errno());
  return value;
}

/** As koffi's `.async`, as a promise; the call runs on a thread of libuv's pool. */
export function inBackground(
  call: { async: (...parameters: unknown[]) => void },
  name: string,
  ...parameters: unknown[]
): Promise<number> {
  return new Promise((resolve, reject) => {
    call.async(...parameters, (error: unknown, result: number) => {
      if (error) reject(error);
      // koffi carries errno over from the pool's thread.
      else if (Number(result) < 0) reject(new SystemError(name, koffi.errno()));
      else resolve(Number(result));
    });
  });
}

/** Numbers that are the same on every architecture. */
const SYS_FSOPEN = 430;
const SYS_FSCONFIG = 431;
const SYS_FSMOUNT = 432;
const FSOPEN_CLOEXEC = 1;
const FSCONFIG_CMD_CREATE = 6;
const FSMOUNT_CLOEXEC = 1;

const fsopen = libc.func("long syscall(long, const char *, uint)");
const fsconfig = libc.func("long syscall(long, int, uint, void *, void *, int)");
const fsmount = libc.func("long syscall(long, int, uint, uint)");

/**
 * A filesystem without options, mounted nowhere: its root is reached by the descriptor alone. For
 * root; since Linux 5.2. Throws SystemError.
 */
export function mountDetached(type: string): number {
  const context = check(Number(fsopen(SYS_FSOPEN, type, FSOPEN_CLOEXEC)), `fsopen ${type}`);
  try {
    const made = fsconfig(SYS_FSCONFIG, context, FSCONFIG_CMD_CREATE, null, null, 0);
    check(Number(made), `fsconfig ${type}`);
    return check(Number(fsmount(SYS_FSMOUNT, context, FSMOUNT_CLOEXEC, 0)), `fsmount ${type}`);
  } finally {
    close(context);
  }
}

const SYS_OPENAT2 = 437;

/** openat2(2); `how` is the 24-byte struct open_how. The number is the same on every architecture. */
export function openat2(folder: number, path: string, how: BigUint64Array): number {
  return Number(syscall4(SYS_OPENAT2, folder, path, how, how.byteLength));
}

/** `openat2` on a thread of the pool. */
export function openat2InBackground(
  folder: number,
  path: string,
  how: BigUint64Array,
): Promise<number> {
  const parameters = [SYS_OPENAT2, folder, path, how, how.byteLength];
  return inBackground(syscall4 as never, `open ${path}`, ...parameters);
}
