/**
 * What a server may ask of the kernel once it is loaded: everything that Node, glibc or musl and our
 * own code were seen to call, and their obvious kin. What is not named here gets ENOSYS, as if the
 * kernel did not have it: libraries that probe for what is newer then fall back (clone3, openat2,
 * io_uring_setup).
 *
 * Numbers are those of x86_64 and of aarch64: the kernel's asm/unistd_64.h and asm-generic/unistd.h.
 */
import { Action, type ArgumentTest } from "./bpf.js";

/** On x86_64 and on aarch64. */
export type Numbers = readonly [number | undefined, number | undefined];

const NONE = undefined;

/**
 * Those of every request first. What is allowed whatever its arguments are, kernels since 5.11 let
 * pass without running the program at all.
 */
export const allowed: Record<string, Numbers> = {
  read: [0, 63],
  pread64: [17, 67],
  write: [1, 64],
  poll: [7, NONE],
  ppoll: [271, 73],
  splice: [275, 76],
  readv: [19, 65],
  preadv: [295, 69],
  preadv2: [327, 286],
  writev: [20, 66],
  lseek: [8, 62],
  // koffi, of standard output and error when the process ends.
  fsync: [74, 82],
  recvmsg: [47, 212],
  sendmsg: [46, 211],
  accept4: [288, 242],
  close: [3, 57],
  pipe2: [293, 59],
  dup: [32, 23],
  dup3: [292, 24],
  eventfd2: [290, 19],
  epoll_create1: [291, 20],
  epoll_ctl: [233, 21],
  epoll_wait: [232, NONE],
  epoll_pwait: [281, 22],
  epoll_pwait2: [441, 441],
  access: [21, NONE],
  faccessat: [269, 48],
  faccessat2: [439, 439],
  readlink: [89, NONE],
  readlinkat: [267, 78],
  getdents64: [217, 61],
  stat: [4, NONE],
  lstat: [6, NONE],
  fstat: [5, 80],
  newfstatat: [262, 79],
  statx: [332, 291],
  getcwd: [79, 17],
  getsockopt: [55, 209],
  getsockname: [51, 204],
  mmap: [9, 222],
  munmap: [11, 215],
  mprotect: [10, 226],
  mremap: [25, 216],
  madvise: [28, 233],
  brk: [12, 214],
  membarrier: [324, 283],
  pkey_alloc: [330, 289],
  pkey_free: [331, 290],
  pkey_mprotect: [329, 288],
  set_robust_list: [273, 99],
  rseq: [334, 293],
  exit: [60, 93],
  exit_group: [231, 94],
  restart_syscall: [219, 128],
  rt_sigaction: [13, 134],
  rt_sigprocmask: [14, 135],
  rt_sigreturn: [15, 139],
  sigaltstack: [131, 132],
  // Node, whenever it starts a thread: whether it may trust its environment.
  capget: [125, 90],
  getpid: [39, 172],
  gettid: [186, 178],
  getppid: [110, 173],
  getuid: [102, 174],
  geteuid: [107, 175],
  getgid: [104, 176],
  getegid: [108, 177],
  sched_yield: [24, 124],
  sched_getaffinity: [204, 123],
  sched_getparam: [143, 121],
  sched_getscheduler: [145, 120],
  getcpu: [309, 168],
  getrusage: [98, 165],
  getrandom: [318, 278],
  clock_gettime: [228, 113],
  clock_getres: [229, 114],
  clock_nanosleep: [230, 115],
  nanosleep: [35, 101],
  gettimeofday: [96, 169],
  time: [201, NONE],
  times: [100, 153],
  uname: [63, 160],
  sysinfo: [99, 179],
  getrlimit: [97, 163],
  // What the kernel has probes return by (perf, bpftrace).
  uretprobe: [335, NONE],
};

const EPERM = Action.ERRNO | 1;
const EACCES = Action.ERRNO | 13;
const EINVAL = Action.ERRNO | 22;
const ENOTTY = Action.ERRNO | 25;
export const ENOSYS = Action.ERRNO | 38;

const ALL_BITS = 0xffffffff;

/** O_ACCMODE, O_CREAT, O_TRUNC, __O_TMPFILE: none of them where a file is only read. */
const WRITING = 0o3 | 0o100 | 0o1000 | 0o20000000;

const CLONE_THREAD = 0x10000;
/** CLONE_PIDFD, PTRACE, VFORK, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const CLONE_OTHERS = 0x7e027000;

/** FUTEX_PRIVATE_FLAG, FUTEX_CLOCK_REALTIME. */
const FUTEX_FLAGS = 0x180;
/** WAIT, WAKE, REQUEUE, CMP_REQUEUE, WAKE_OP, WAIT_BITSET, WAKE_BITSET: not those with priorities. */
const FUTEX_OPERATIONS = [0, 1, 9, 10, 3, 4, 5];

/** F_DUPFD, GETFD, SETFD, GETFL, SETFL, DUPFD_CLOEXEC, SETPIPE_SZ, GETPIPE_SZ. */
const FCNTL_COMMANDS = [0, 1, 2, 3, 4, 1030, 1031, 1032];

/** FIONBIO, FIONCLEX, FIOCLEX: libuv's. */
const IOCTL_REQUESTS = [0x5421, 0x5450, 0x5451];

/** PR_SET_NAME, PR_GET_NAME, PR_SET_VMA: names of threads and of memory. */
const PRCTL_OPTIONS = [15, 16, 0x53564d41];

/** Allowed by one of its arguments. */
export interface TestedCall {
  numbers: Numbers;
  test: ArgumentTest;
}

/** `pid`: the server's own, as it sees it. */
export function testedCalls(pid: number): Record<string, TestedCall> {
  return {
    futex: {
      numbers: [202, 98],
      test: { argument: 1, mask: ~FUTEX_FLAGS, allowed: FUTEX_OPERATIONS, otherwise: ENOSYS },
    },
    openat: {
      numbers: [257, 56],
      test: { argument: 2, mask: WRITING, allowed: [0], otherwise: EACCES },
    },
    open: {
      numbers: [2, NONE],
      test: { argument: 1, mask: WRITING, allowed: [0], otherwise: EACCES },
    },
    fcntl: {
      numbers: [72, 25],
      test: { argument: 1, mask: ALL_BITS, allowed: FCNTL_COMMANDS, otherwise: EPERM },
    },
    // Nothing else that is open here is a terminal, or has requests that matter.
    ioctl: {
      numbers: [16, 29],
      test: { argument: 1, mask: ALL_BITS, allowed: IOCTL_REQUESTS, otherwise: ENOTTY },
    },
    prctl: {
      numbers: [157, 167],
      test: { argument: 0, mask: ALL_BITS, allowed: PRCTL_OPTIONS, otherwise: EINVAL },
    },
    // Threads alone: clone3 gets ENOSYS, since its flags lie in memory that no filter can read.
    clone: {
      numbers: [56, 220],
      test: {
        argument: 0,
        mask: CLONE_THREAD | CLONE_OTHERS,
        allowed: [CLONE_THREAD],
        otherwise: Action.KILL_PROCESS,
      },
    },
    prlimit64: {
      numbers: [302, 261],
      test: { argument: 0, mask: ALL_BITS, allowed: [0, pid], otherwise: EPERM },
    },
    // abort(3) sends itself SIGABRT.
    tgkill: {
      numbers: [234, 131],
      test: { argument: 0, mask: ALL_BITS, allowed: [pid], otherwise: Action.KILL_PROCESS },
    },
    kill: {
      numbers: [62, 129],
      test: { argument: 0, mask: ALL_BITS, allowed: [pid], otherwise: Action.KILL_PROCESS },
    },
  };
}

/** Nothing of ours ever calls these, nor a library that we use: whoever does has taken it over. */
export const deadly: Record<string, Numbers> = {
  execve: [59, 221],
  execveat: [322, 281],
  fork: [57, NONE],
  vfork: [58, NONE],
  ptrace: [101, 117],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  process_madvise: [440, 440],
  process_mrelease: [448, 448],
  kcmp: [312, 272],
  pidfd_open: [434, 434],
  pidfd_getfd: [438, 438],
  pidfd_send_signal: [424, 424],
  rt_sigqueueinfo: [129, 138],
  rt_tgsigqueueinfo: [297, 240],
  unshare: [272, 97],
  setns: [308, 268],
  chroot: [161, 51],
  pivot_root: [155, 41],
  mount: [165, 40],
  umount2: [166, 39],
  mount_setattr: [442, 442],
  move_mount: [429, 429],
  open_tree: [428, 428],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  open_by_handle_at: [304, 265],
  bpf: [321, 280],
  perf_event_open: [298, 241],
  userfaultfd: [323, 282],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  add_key: [248, 217],
  request_key: [249, 218],
  keyctl: [250, 219],
  fanotify_init: [300, 262],
  init_module: [175, 105],
  finit_module: [313, 273],
  delete_module: [176, 106],
  kexec_load: [246, 104],
  kexec_file_load: [320, 294],
  reboot: [169, 142],
  swapon: [167, 224],
  swapoff: [168, 225],
  acct: [163, 89],
  quotactl: [179, 60],
  modify_ldt: [154, NONE],
  iopl: [172, NONE],
  ioperm: [173, NONE],
};

/** What a later filter could not tell apart: see `earlyFilter`. */
export const IO_URING_SETUP: Numbers = [425, 425];
