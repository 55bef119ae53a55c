/**
 * The FUSE kernel protocol 7.x as far as a read-only server meets it.
 *
 * Source: the kernel's include/uapi/linux/fuse.h. All fields are little-endian here because every
 * machine that Node runs Linux on is. Offsets are in 32-bit words from the start of the message.
 */

export const FUSE_KERNEL_VERSION = 7;
/** The newest minor whose structures are written here; the kernel's own counts if it is older. */
export const FUSE_KERNEL_MINOR_VERSION = 38;

export const Opcode = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  READLINK: 5,
  SYMLINK: 6,
  MKNOD: 8,
  MKDIR: 9,
  UNLINK: 10,
  RMDIR: 11,
  RENAME: 12,
  LINK: 13,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FSYNC: 20,
  SETXATTR: 21,
  GETXATTR: 22,
  LISTXATTR: 23,
  REMOVEXATTR: 24,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  FSYNCDIR: 30,
  ACCESS: 34,
  CREATE: 35,
  INTERRUPT: 36,
  DESTROY: 38,
  IOCTL: 39,
  BATCH_FORGET: 42,
  FALLOCATE: 43,
  READDIRPLUS: 44,
  RENAME2: 45,
  LSEEK: 46,
} as const;

const opcodeNames = new Map<number, string>(
  Object.entries(Opcode).map(([name, value]) => [value, name]),
);

export function opcodeName(opcode: number): string {
  return opcodeNames.get(opcode) ?? `opcode ${opcode}`;
}

export const InitFlag = {
  ASYNC_READ: 1 << 0,
  EXPORT_SUPPORT: 1 << 4,
  DO_READDIRPLUS: 1 << 13,
  NO_OPEN_SUPPORT: 1 << 17,
  PARALLEL_DIROPS: 1 << 18,
  MAX_PAGES: 1 << 22,
  CACHE_SYMLINKS: 1 << 23,
  NO_OPENDIR_SUPPORT: 1 << 24,
  INIT_EXT: 1 << 30,
} as const;

/** fuse_notify_code: puts every request that was read but not answered back in the queue. */
export const FUSE_NOTIFY_RESEND = 7;

/** struct fuse_in_header, in words. The upper half of `padding` is zero and nobody's. */
export const InHeader = {
  len: 0,
  opcode: 1,
  uniqueLow: 2,
  uniqueHigh: 3,
  node: 4,
  padding: 9,
} as const;
/** Bytes of fuse_in_header: where each request's own fields begin. */
export const IN_HEADER_SIZE = 40;
/** The same in words. */
export const BODY = 10;
/** Bytes of fuse_out_header. */
export const OUT_HEADER_SIZE = 16;

/** Bytes of struct fuse_attr, fuse_entry_out, fuse_attr_out, fuse_init_out, fuse_kstatfs. */
export const ATTR_SIZE = 88;
export const ENTRY_OUT_SIZE = 40 + ATTR_SIZE;
export const ATTR_OUT_SIZE = 16 + ATTR_SIZE;
export const INIT_OUT_SIZE = 64;
export const STATFS_OUT_SIZE = 80;
/** struct fuse_dirent without its name. */
export const DIRENT_SIZE = 24;

/** Seconds: the kernel cuts this to its own longest time. An image never changes. */
export const FOREVER = 0xffffffff;

/** A request of at most this many bytes: 4096 of "written" data that a read-only server never gets. */
export const MAX_WRITE = 4096;
/** What read(2) on /dev/fuse must offer: FUSE_MIN_READ_BUFFER, which also holds MAX_WRITE and its headers. */
export const REQUEST_SIZE = 8192;
