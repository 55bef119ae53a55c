/**
 * Mounting and unmounting a FUSE connection: by mount(2) where we may, by fusermount3 where not.
 *
 * The mountpoint is an O_PATH descriptor, reached through /proc/self/fd: a folder that was swapped
 * for a symlink meanwhile cannot redirect the mount.
 */
import { isUtf8 } from "node:buffer";
import { spawn } from "node:child_process";
import { openSync, readlinkSync } from "node:fs";
import { basename, dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { cachedStat } from "../system/cached-stat.js";
import { check, close, inBackground, mount, type SystemError, umount2 } from "../system/libc.js";
import { openWithoutSymlinksInBackground } from "../system/open-beneath.js";
import { receiveMessage, setTimeouts, socketPair } from "../system/unix-socket.js";
import { findMountpoint, type MountEntry, readMountinfo } from "./mountinfo.js";

const MS_RDONLY = 1;
const MS_NOSUID = 2;
const MS_NODEV = 4;
const MS_NOEXEC = 8;
const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;

export const FILESYSTEM_TYPE = "fuse.isomount";
/** fusermount3 asks nobody and mounts at once: longer than this it hangs. */
const FUSERMOUNT_SECONDS = 10;

/** A mount that failed, with an errno's name for the exit code and words for the person. */
export class MountError extends Error {
  override readonly name = "MountError";

  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export interface MountRequest {
  /** O_PATH descriptor of the folder. */
  mountpoint: number;
  /** Shown as the source in /proc/mounts. */
  source: string;
  maxReadBytes: number;
  /** Only the mounting user, no permission checks; otherwise everybody, checked by mode bits. */
  private: boolean;
  /** Programs in it cannot be run. */
  noexec: boolean;
}

export interface Mounted {
  /** /dev/fuse of this connection. */
  fuse: number;
  /** Where the kernel says it is. */
  mountpoint: string;
  /** The superblock's device, `0:52`. */
  device: string;
  source: string;
}

/** The path of an O_PATH descriptor, as the kernel knows it: nothing is looked up. */
export function descriptorPath(fd: number): string {
  return readlinkSync(`/proc/self/fd/${fd}`);
}

/** Mounts that are under way. */
const taken = new Set<string>();

/**
 * Two commands may have found the same folder free: only the first gets it. Otherwise neither could
 * tell its own mount from the other's. Throws MountError.
 */
export async function mountFuse(request: MountRequest): Promise<Mounted> {
  const mountpoint = descriptorPath(request.mountpoint);
  if (cachedStat(request.mountpoint).nlink === 0) {
    throw new MountError(
      "ESTALE",
      `mountpoint ${mountpoint.replace(/ \(deleted\)$/, "")} was removed`,
    );
  }
  if (!isUtf8(readlinkSync(`/proc/self/fd/${request.mountpoint}`, "buffer"))) {
    // It could be mounted there, but not be unmounted: no text of ours names it.
    throw new MountError(
      "EILSEQ",
      `mountpoint ${mountpoint} has a name that is not UTF-8: rename it`,
    );
  }
  const there = readMountinfo();
  const used = there.findLast((entry) => entry.mountpoint === mountpoint);
  const isUsed = used?.type === FILESYSTEM_TYPE;
  if (isUsed || taken.has(mountpoint)) {
    const what = isUsed
      ? `${used.source} is mounted there`
      : "another image is being mounted there";
    throw new MountError("EBUSY", `mountpoint ${mountpoint} is in use: ${what}`);
  }
  taken.add(mountpoint);
  try {
    return await mountOn(mountpoint, there, request);
  } finally {
    taken.delete(mountpoint);
  }
}

async function mountOn(
  mountpoint: string,
  there: readonly MountEntry[],
  request: MountRequest,
): Promise<Mounted> {
  // The number alone says little: the kernel gives those of mounts that have gone to new ones.
  const key = (entry: MountEntry) => `${entry.mountId} ${entry.mountpoint}`;
  const before = new Set(there.map(key));
  const fuse = process.geteuid?.() === 0 ? mountAsRoot(request) : await mountByFusermount(request);
  let entry: MountEntry | undefined;
  try {
    entry = readMountinfo().find(
      (candidate) =>
        !before.has(key(candidate)) &&
        candidate.type === FILESYSTEM_TYPE &&
        candidate.mountpoint === mountpoint,
    );
  } catch (error) {
    // For want of descriptors. That one is free now, and enough to unmount with.
    close(fuse);
    await unmountFuse(mountpoint, true);
    throw error;
  }
  if (entry === undefined) {
    close(fuse);
    throw new MountError("ESTALE", `${mountpoint} was moved or unmounted while mounting`);
  }
  return { fuse, mountpoint, device: entry.device, source: entry.source };
}

function mountAsRoot(request: MountRequest): number {
  let fuse: number;
  try {
    fuse = openSync("/dev/fuse", "r+");
  } catch (error) {
    throw noDevice(error);
  }
  const options = [
    `fd=${fuse}`,
    "rootmode=40000",
    "user_id=0",
    "group_id=0",
    `max_read=${request.maxReadBytes}`,
    ...(request.private ? [] : ["allow_other", "default_permissions"]),
  ];
  const target = `/proc/self/fd/${request.mountpoint}`;
  const flags = MS_RDONLY | MS_NOSUID | MS_NODEV | (request.noexec ? MS_NOEXEC : 0);
  try {
    check(mount(request.source, target, FILESYSTEM_TYPE, flags, options.join(",")), "mount");
  } catch (error) {
    close(fuse);
    const { code } = error as SystemError;
    const where = descriptorPath(request.mountpoint);
    const why =
      code === "ENODEV" ? "this kernel has no FUSE (try 'modprobe fuse')" : `mount(2): ${code}`;
    throw new MountError(code, `cannot mount on ${where}: ${why}`);
  }
  return fuse;
}

function noDevice(error: unknown): MountError {
  const { code } = error as NodeJS.ErrnoException;
  return new MountError(
    code ?? "EIO",
    code === "ENOENT" || code === "ENXIO" || code === "ENODEV"
      ? "there is no /dev/fuse: load the module with 'modprobe fuse', or allow the device in this container"
      : `/dev/fuse cannot be opened: ${code}`,
  );
}

/**
 * fusermount3 (setuid root) opens /dev/fuse, mounts, and sends the descriptor over the socket that
 * `_FUSE_COMMFD` names.
 */
async function mountByFusermount(request: MountRequest): Promise<number> {
  const [ours, theirs] = socketPair("stream");
  const quote = (text: string) => text.replace(/[\\,]/g, "\\$&");
  const options = [
    "ro",
    "nosuid",
    "nodev",
    ...(request.noexec ? ["noexec"] : []),
    `fsname=${quote(request.source)}`,
    "subtype=isomount",
    `max_read=${request.maxReadBytes}`,
    ...(request.private ? [] : ["allow_other", "default_permissions"]),
  ];
  try {
    const { status, output } = await run(
      "/bin/sh",
      ["-c", ENTER_AND_MOUNT, "sh", "-o", options.join(","), "--", "."],
      ["ignore", "ignore", "pipe", theirs, request.mountpoint],
    );
    if (status !== 0) throw fusermountFailure(status, output, descriptorPath(request.mountpoint));
    setTimeouts(ours, FUSERMOUNT_SECONDS);
    const received = receiveMessage(ours, new Uint8Array(1));
    if (received === undefined || received.descriptors.length !== 1) {
      throw new MountError("EIO", "fusermount3 mounted but sent no descriptor");
    }
    return received.descriptors[0];
  } finally {
    close(ours);
    close(theirs);
  }
}

/**
 * The working directory is the mountpoint itself, so that fusermount3 needs no path to it. Entered
 * by the child: as `cwd` of spawn it would make this process wait where the folder lies in a mount
 * whose server does not answer.
 */
const ENTER_AND_MOUNT = 'cd -P /proc/self/fd/4 && exec fusermount3 "$@"';

/** sh(1): the command was not found, or may not be run. */
const NOT_RUN = new Set([126, 127]);

function fusermountFailure(status: number | null, output: string, where: string): MountError {
  if (status === null) {
    const problem = `no answer within ${FUSERMOUNT_SECONDS} seconds`;
    return new MountError("ETIMEDOUT", `cannot mount on ${where}: ${problem}`);
  }
  if (NOT_RUN.has(status)) return noFusermount();
  if (/^\S*sh: .*cd: /.test(output)) {
    return new MountError("EACCES", `cannot mount on ${where}: permission denied`);
  }
  const said = output.trim().replace(/^fusermount3?: /, "") || "no reason given";
  if (/user_allow_other/.test(said)) {
    return new MountError(
      "EPERM",
      "sharing a mount with other users needs the line 'user_allow_other' in /etc/fuse.conf",
    );
  }
  const code = /Permission denied|no write access|not owner/i.test(said)
    ? "EACCES"
    : /No such file|device not found/i.test(said)
      ? "ENODEV"
      : "EPERM";
  return new MountError(code, `cannot mount on ${where}: fusermount3: ${said}`);
}

function noFusermount(): MountError {
  return new MountError(
    "ENOENT",
    "fusermount3 is not installed: install the package 'fuse3', or run as root",
  );
}

function run(
  program: string,
  parameters: string[],
  stdio: ("ignore" | "pipe" | number)[],
): Promise<{ status: number | null; output: string; end: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, {
      stdio,
      cwd: "/",
      env: { PATH: process.env.PATH, LC_ALL: "C", _FUSE_COMMFD: "3" },
      timeout: FUSERMOUNT_SECONDS * 1000,
      killSignal: "SIGKILL",
    });
    let output = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.on("error", (error: NodeJS.ErrnoException) => {
      // EACCES: of several folders of the PATH, one may not be searched.
      reject(error.code === "ENOENT" || error.code === "EACCES" ? noFusermount() : error);
    });
    child.on("close", (status, signal) => {
      resolve({ status, output, end: signal ?? `exit ${status}` });
    });
  });
}

/**
 * Unmounts the superblock `device` and no other that may have come to lie at `mountpoint`, its usual
 * place. Throws as `unmountFuse`.
 */
export async function unmountDevice(
  device: string,
  mountpoint: string,
  lazy: boolean,
): Promise<void> {
  await unmountFuse(uncovered(device, mountpoint), lazy);
}

/** Where the superblock can be unmounted; `device` is empty where it is not known. Throws MountError. */
export function uncovered(device: string, mountpoint: string): string {
  if (device === "") return mountpoint;
  const found = findMountpoint(device, mountpoint);
  if (found === undefined) {
    throw new MountError("EINVAL", `${mountpoint} is unmounted already, but files are still open`);
  }
  if (found.covered) {
    const problem = "another file system is mounted over it: unmount that one first";
    throw new MountError("EBUSY", `cannot unmount ${found.mountpoint}: ${problem}`);
  }
  return found.mountpoint;
}

/**
 * umount2(2) of a path that mountinfo gave, for root. The folders above may be a user's, who could
 * put a symlink in the place of one meanwhile and have another filesystem unmounted. Throws
 * SystemError.
 */
export async function unmountExactly(mountpoint: string, flags: number): Promise<void> {
  const parent = await openWithoutSymlinksInBackground(dirname(mountpoint));
  try {
    const path = `/proc/self/fd/${parent}/${basename(mountpoint)}`;
    await inBackground(umount2 as never, "umount2", path, flags | UMOUNT_NOFOLLOW);
  } finally {
    close(parent);
  }
}

/** Whoever walks over all mounts (df, a file manager) keeps each of them busy for an instant. */
const BUSY_TRIES = 4;
const BUSY_PAUSE_MILLISECONDS = 60;

/** Throws MountError: EBUSY while files are open (not with `lazy`), EINVAL if nothing is mounted. */
export async function unmountFuse(mountpoint: string, lazy: boolean): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await tryToUnmount(mountpoint, lazy);
    } catch (error) {
      const isBusy = error instanceof MountError && error.code === "EBUSY";
      if (!isBusy || tries === BUSY_TRIES) throw error;
    }
    await pause(BUSY_PAUSE_MILLISECONDS);
  }
}

async function tryToUnmount(mountpoint: string, lazy: boolean): Promise<void> {
  if (process.geteuid?.() === 0) {
    try {
      await unmountExactly(mountpoint, lazy ? MNT_DETACH : 0);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      throw new MountError(code, unmountFailure(mountpoint, code));
    }
    return;
  }
  const { status, output, end } = await run(
    "fusermount3",
    [...(lazy ? ["-z"] : []), "-u", "--", mountpoint],
    ["ignore", "ignore", "pipe"],
  );
  if (status === 0) return;
  // It repeats the path, which may hold the very words that are looked for.
  const reason = output.replaceAll(mountpoint, "");
  const code = /busy/i.test(reason)
    ? "EBUSY"
    : /not (found|mounted)/i.test(reason)
      ? "EINVAL"
      : "EPERM";
  const said = output.trim() || `fusermount3: ${end}`;
  throw new MountError(code, unmountFailure(mountpoint, code, said));
}

function unmountFailure(mountpoint: string, code: string, said = code): string {
  if (code === "EBUSY") {
    return `${mountpoint} is in use: close what is open there, or unmount with --lazy`;
  }
  return `cannot unmount ${mountpoint}: ${said}`;
}
