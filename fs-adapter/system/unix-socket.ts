/**
 * Unix sockets as plain descriptors, because descriptors travel over them (SCM_RIGHTS): Node's own
 * sockets drop those in silence.
 */
import {
  accept4,
  bind,
  check,
  close,
  connect,
  errno,
  fcntl,
  getsockopt,
  listen,
  recvmsg,
  SystemError,
  sendmsg,
  setsockopt,
  socket,
  socketpair,
} from "./libc.js";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_SEQPACKET = 5;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_PEERGROUPS = 59;
const SO_RCVTIMEO = 20;
const SO_SNDTIMEO = 21;
const SCM_RIGHTS = 1;
const MSG_PEEK = 2;
const MSG_CTRUNC = 8;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const F_GETFL = 3;
const F_SETFL = 4;
const EAGAIN = 11;
const EINTR = 4;
const ERANGE = 34;

/** The kernel's SCM_MAX_FD: descriptors in one message. */
const MAX_DESCRIPTORS = 253;

export type SocketKind = "stream" | "packet" | "datagram";

const kinds = { stream: SOCK_STREAM, packet: SOCK_SEQPACKET, datagram: SOCK_DGRAM };

function address(path: string): Buffer {
  const name = Buffer.from(path);
  // sun_path holds 108 bytes with its final NUL.
  if (name.length > 107) throw new Error(`socket path is longer than 107 bytes: ${path}`);
  const bytes = Buffer.alloc(2 + name.length + 1);
  bytes.writeUInt16LE(AF_UNIX, 0);
  name.copy(bytes, 2);
  if (!path.startsWith("@")) return bytes;
  // An abstract address: a NUL first, and none at the end.
  bytes[2] = 0;
  return bytes.subarray(0, 2 + name.length);
}

/** Connects, blocking. Throws SystemError: ENOENT and ECONNREFUSED mean that nobody listens. */
export function connectUnix(path: string, kind: SocketKind = "stream"): number {
  const fd = check(socket(AF_UNIX, kinds[kind] | SOCK_CLOEXEC, 0), "socket");
  const sun = address(path);
  if (connect(fd, sun, sun.length) < 0) {
    const error = new SystemError("connect", errno());
    close(fd);
    throw error;
  }
  return fd;
}

/** A listening, non-blocking socket at `path`, which must not exist. */
export function listenUnix(path: string, kind: SocketKind = "stream", backlog = 128): number {
  const fd = check(socket(AF_UNIX, kinds[kind] | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
  const sun = address(path);
  try {
    check(bind(fd, sun, sun.length), `bind ${path}`);
    check(listen(fd, backlog), `listen ${path}`);
  } catch (error) {
    close(fd);
    throw error;
  }
  return fd;
}

/** A connected pair, close-on-exec, blocking. */
export function socketPair(kind: SocketKind): [number, number] {
  const pair = new Int32Array(2);
  check(socketpair(AF_UNIX, kinds[kind] | SOCK_CLOEXEC, 0, pair), "socketpair");
  return [pair[0], pair[1]];
}

/** The next connection, or undefined where none waits. */
export function acceptUnix(listener: number): number | undefined {
  const fd = accept4(listener, null, null, SOCK_CLOEXEC);
  if (fd >= 0) return fd;
  const code = errno();
  if (code === EAGAIN || code === EINTR || code === 103 /* ECONNABORTED */) return undefined;
  throw new SystemError("accept", code);
}

/** For a listener that somebody else has made. */
export function setNonBlocking(fd: number): void {
  const flags = check(fcntl(fd, F_GETFL, 0), "fcntl");
  check(fcntl(fd, F_SETFL, flags | SOCK_NONBLOCK), "fcntl");
}

export function setBlocking(fd: number): void {
  const flags = check(fcntl(fd, F_GETFL, 0), "fcntl");
  check(fcntl(fd, F_SETFL, flags & ~SOCK_NONBLOCK), "fcntl");
}

/** Limits, in seconds, how long blocking receives and sends wait: they fail with EAGAIN then. */
export function setTimeouts(fd: number, receive: number, send = receive): void {
  const timeval = (seconds: number) => new BigInt64Array([BigInt(seconds), 0n]);
  check(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeval(receive), 16), "setsockopt");
  check(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, timeval(send), 16), "setsockopt");
}

export interface PeerCredentials {
  pid: number;
  uid: number;
  gid: number;
}

/** Who connected, as the kernel saw it at connect time. */
export function peerCredentials(fd: number): PeerCredentials {
  const credentials = new Int32Array(3);
  const length = new Uint32Array([12]);
  check(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, length), "getsockopt SO_PEERCRED");
  return { pid: credentials[0], uid: credentials[1], gid: credentials[2] };
}

/** Its supplementary groups, likewise (Linux 4.13; openat2, which we need anyway, came later). */
export function peerGroups(fd: number): number[] {
  const length = new Uint32Array([64 * 4]);
  for (;;) {
    const groups = new Uint32Array(length[0] / 4);
    const result = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, length);
    if (result >= 0) return [...groups.subarray(0, length[0] / 4)];
    // `length` says now how much room they take.
    if (errno() !== ERANGE) throw new SystemError("getsockopt SO_PEERGROUPS", errno());
  }
}

/** Sends what there is room for without waiting, and returns how many bytes that was. */
export function sendAvailable(fd: number, bytes: Uint8Array): number {
  for (let sent = 0; ; ) {
    const rest = bytes.subarray(sent);
    if (rest.length === 0) return sent;
    const result = Number(sendmsg(fd, msghdr(rest, null), MSG_NOSIGNAL | MSG_DONTWAIT));
    if (result >= 0) sent += result;
    else if (errno() === EAGAIN) return sent;
    else if (errno() !== EINTR) throw new SystemError("sendmsg", errno());
  }
}

/**
 * Sends all of `bytes`; the descriptors ride with the first of them. `wait: false` never blocks
 * and throws EAGAIN where the peer does not read.
 */
export function sendMessage(
  fd: number,
  bytes: Uint8Array,
  descriptors: readonly number[] = [],
  wait = true,
): void {
  if (descriptors.length > MAX_DESCRIPTORS) {
    throw new Error(`${descriptors.length} descriptors do not fit one message`);
  }
  let sent = 0;
  do {
    const control = sent === 0 && descriptors.length > 0 ? rights(descriptors) : null;
    const rest = sent === 0 ? bytes : bytes.subarray(sent);
    const result = Number(
      sendmsg(fd, msghdr(rest, control), MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT)),
    );
    if (result < 0) {
      if (errno() === EINTR) continue;
      throw new SystemError("sendmsg", errno());
    }
    sent += result;
  } while (sent < bytes.length);
}

/** One piece of bytes, to whoever is connected. */
function msghdr(bytes: Uint8Array, control: Buffer | null): object {
  return {
    name: null,
    nameLength: 0,
    iov: [{ base: bytes, length: bytes.length }],
    iovLength: 1,
    control,
    controlLength: control?.length ?? 0,
    flags: 0,
  };
}

/** struct cmsghdr with SCM_RIGHTS: length (64 bit), level, type, descriptors, padded to 8. */
function rights(descriptors: readonly number[]): Buffer {
  const control = Buffer.alloc(16 + ((descriptors.length * 4 + 7) & ~7));
  control.writeUInt32LE(16 + descriptors.length * 4, 0);
  control.writeInt32LE(SOL_SOCKET, 8);
  control.writeInt32LE(SCM_RIGHTS, 12);
  descriptors.forEach((descriptor, index) => {
    control.writeInt32LE(descriptor, 16 + 4 * index);
  });
  return control;
}

export interface Received {
  /** A part of the buffer that was passed. Empty: the peer has closed. */
  bytes: Uint8Array;
  /** Close-on-exec, owned by the caller. */
  descriptors: number[];
  /** There were more, but this process has no room for them: the kernel has closed them. */
  isCut: boolean;
}

/**
 * Receives once. With `wait: false`, undefined where nothing is there. Throws SystemError: EAGAIN
 * after `setTimeouts`, ECONNRESET.
 */
export function receiveMessage(fd: number, buffer: Uint8Array, wait = true): Received | undefined {
  const control = Buffer.alloc(16 + ((MAX_DESCRIPTORS * 4 + 7) & ~7));
  const message = {
    name: null,
    nameLength: 0,
    iov: [{ base: buffer, length: buffer.length }],
    iovLength: 1,
    control,
    controlLength: control.length,
    flags: 0,
  };
  for (;;) {
    const got = Number(recvmsg(fd, message, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT)));
    if (got >= 0) {
      return {
        bytes: buffer.subarray(0, got),
        descriptors: receivedRights(control, Number(message.controlLength)),
        isCut: (message.flags & MSG_CTRUNC) !== 0,
      };
    }
    const code = errno();
    if (code === EINTR) continue;
    if (code === EAGAIN && !wait) return undefined;
    throw new SystemError("recvmsg", code);
  }
}

/**
 * What `receiveMessage` would give the bytes of, without taking it. Undefined where nothing is there.
 * Throws SystemError.
 */
export function peekBytes(fd: number, buffer: Uint8Array): Uint8Array | undefined {
  for (;;) {
    const got = Number(recvmsg(fd, msghdr(buffer, null), MSG_PEEK | MSG_DONTWAIT));
    if (got >= 0) return buffer.subarray(0, got);
    const code = errno();
    if (code === EAGAIN) return undefined;
    if (code !== EINTR) throw new SystemError("recvmsg", code);
  }
}

function receivedRights(control: Buffer, length: number): number[] {
  const descriptors: number[] = [];
  for (let at = 0; at + 16 <= length; ) {
    const size = control.readUInt32LE(at);
    if (size < 16) break;
    if (control.readInt32LE(at + 8) === SOL_SOCKET && control.readInt32LE(at + 12) === SCM_RIGHTS) {
      for (let i = at + 16; i + 4 <= at + size; i += 4) descriptors.push(control.readInt32LE(i));
    }
    at += (size + 7) & ~7;
  }
  return descriptors;
}
