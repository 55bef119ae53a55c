/**
 * The control protocol between isomount and isomountd: JSON-RPC 2.0, one message a line, over a
 * unix stream socket. File descriptors travel as SCM_RIGHTS with the line that mentions them, which
 * is sent by itself, in the order given here. Requests may follow one another without waiting;
 * answers come as they are ready, by `id`: text, a whole number or null. One without an id is a
 * notification, and gets none. Batches are not taken. Members that are not named here are passed
 * over. `PROTOCOL_VERSION` changes when an old client would misunderstand.
 */
import type { ImageDescription } from "../../image-core/description.js";

export const PROTOCOL_VERSION = 1;

/** A line longer than this is no request of ours: the connection is closed. */
export const MAX_LINE_BYTES = 1024 * 1024;

/** How the image is read: what `-o` and the flags of the same names say. */
export interface ImageOptions {
  view?: string;
  charset?: string;
  session?: number;
  partition?: string;
  offset?: number;
  sizelimit?: number;
}

/** How the mount looks and behaves. */
export interface MountOptions {
  /** Overrides for every object. */
  uid?: number;
  gid?: number;
  /** Permission bits of files and of directories. */
  mode?: number;
  dmode?: number;
  /** Only the user who mounts sees it, without permission checks. */
  private?: boolean;
  /** Programs in the image cannot be run. */
  noexec?: boolean;
  transport?: "dev-fuse" | "fuse-native";
  /** `false`: run the server without bubblewrap even where it is there. */
  sandbox?: boolean;
  /** Unmount after that many seconds without use. */
  idleTimeout?: number;
  /** Let the server go after that many seconds without requests; 0 for never. */
  sleepTimeout?: number;
  /** Shown in /proc/mounts and by df instead of the image's path. */
  fsname?: string;
}

interface OpenParams {
  /** Absolute path, for people only: the daemon never opens it. */
  image: string;
  options: ImageOptions;
  /** Shown where the format stores no owner. */
  owner: { uid: number; gid: number };
  /** IANA name of the caller's time zone, for formats that store local times. */
  timeZone: string;
  sandbox?: boolean;
  /** Bytes, for block devices, whose stat does not say. */
  size?: number;
}
/** Descriptors with `open`: the image, read-only; and, if `passphrase` was given, a memfd with it. */

/** What the server asks for while it opens; answered by `supply`. */
export type Need =
  /** Open this path beneath the image's folder. */
  | { kind: "neighbour"; path: string }
  /** List the names in this folder beneath the image's folder (empty: the folder itself). */
  | { kind: "names"; folder: string }
  | { kind: "passphrase" };

/** Result of `open` and of `supply`: either opened, or something is needed first. */
export type OpenResult =
  | { session: string; need: Need }
  | { session: string; description: ImageDescription };

export interface SupplyParams {
  session: string;
  /** Why the need cannot be met. */
  error?: string;
  /** The answer to `names`; more than fit a line come as a descriptor, of a file with them in JSON. */
  names?: string[];
  /** The answer to `passphrase`, in base64. */
  passphrase?: string;
}
/** Descriptor with `supply`: for a `neighbour` the file, read-only; for `names` a memfd with them. */

/** What checking came to since the last answer. */
export interface VerifyProgress {
  /** Formats that carry checksums; empty where there is nothing to check. */
  formats: string[];
  /** Of the whole work, 0 to 1. */
  share: number;
  /** Each names a range and what is wrong with it. */
  findings: string[];
  finished: boolean;
}

interface MountParams {
  session: string;
  options: MountOptions;
  /**
   * The folder was made for this mount, or is to be made: its name within the parent. It is removed at
   * unmount.
   */
  made?: string;
}
/**
 * Descriptors with `mount`: the mountpoint (O_PATH); and, with `made`, its parent (O_PATH). Only the
 * parent where the folder is to be made, with a number behind its name if that is taken; not for
 * members of a group.
 */

export interface MountStatistics {
  requests: number;
  reads: number;
  readBytes: number;
  /** Of those, what went to the reader without a copy. */
  splicedBytes: number;
  /** Small files put into the kernel's cache before they were asked for: they need no request. */
  filesAhead: number;
  errors: number;
  /** Spent answering, by all serving threads together. */
  milliseconds: number;
  /** Blocks and decoded chunks found in the server's caches, and not found. */
  cacheHits: number;
  cacheMisses: number;
}

/** A notification (`method` "event", no id) to clients that have subscribed. */
export interface DaemonEvent {
  /**
   * `revived`: the server was replaced; `asleep`, `awake`: it went because nobody needed it, and
   * another came; `error`: something that an administrator should know.
   */
  event: "mounted" | "unmounted" | "revived" | "asleep" | "awake" | "error";
  /** Seconds since 1970. */
  time: number;
  /** The mount it happened to, as it is after that. */
  mount: MountInfo;
  /** What is to be said of it, for people. */
  message: string;
}

export interface MountInfo {
  id: string;
  image: string;
  mountpoint: string;
  /** Container formats from the outside in: `raw`, `encrypted/udif`. */
  container: string;
  filesystem: string;
  label: string;
  view: string;
  transport: "dev-fuse" | "fuse-native";
  sandboxed: boolean;
  /**
   * `serving`; `asleep` when the server has gone until the next request; `reviving` while another is
   * being started; `detached` when it is unmounted and served until the last file is closed.
   */
  state: "serving" | "asleep" | "reviving" | "detached";
  /** The server's process id; 0 where there is none. */
  pid: number;
  uid: number;
  /** Seconds since 1970. */
  since: number;
  /** How often the server was replaced. */
  restarts: number;
  /** Of all servers together; of the present one a few seconds old at most. */
  statistics: MountStatistics;
  warnings: string[];
}

interface UmountParams {
  /** Id, mountpoint or image path; paths absolute and normalised by the client. */
  target: string;
  lazy?: boolean;
}

export interface DaemonInfo {
  protocol: number;
  version: string;
  pid: number;
  since: number;
  mounts: number;
  runtimeFolder: string;
  /** Started in advance, for the next image; `launcher` is the daemon's child it lives in. */
  spare?: { pid: number; launcher: number; socketPath: string };
  /** Holds copies of the mounts' descriptors where systemd does not. */
  keeper?: { pid: number };
}

/** Method names with their parameters and results. */
export interface Methods {
  open: { params: OpenParams; result: OpenResult };
  supply: { params: SupplyParams; result: OpenResult };
  /** Checks the opened image's own checksums; asked again until `finished`. */
  verify: { params: { session: string }; result: VerifyProgress };
  mount: { params: MountParams; result: MountInfo };
  umount: { params: UmountParams; result: MountInfo[] };
  list: { params: Record<string, never>; result: MountInfo[] };
  /** Answers once the mount with this id is gone: `--foreground` waits here. */
  wait: { params: { id: string }; result: { reason: string } };
  daemon: { params: Record<string, never>; result: DaemonInfo };
  /** From now on this connection is sent every `DaemonEvent`. */
  subscribe: { params: Record<string, never>; result: Record<string, never> };
  /** The counters of all mounts in Prometheus' text format. */
  metrics: { params: Record<string, never>; result: { text: string } };
  /**
   * Ends the daemon and unmounts nothing: refuses while something is mounted, unless `keepMounts`
   * says that another daemon will take the mounts over.
   */
  shutdown: { params: { keepMounts?: boolean }; result: Record<string, never> };
  /** Reads the configuration again. Where it is wrong, the old one stays. */
  reload: { params: Record<string, never>; result: Record<string, never> };
}

/** JSON-RPC error codes beyond the standard's own. `data.kind` is an `ImageErrorKind` or one of these. */
export const RpcErrorCode = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  /** The image cannot be read; `data.kind` says why. */
  image: 1,
  /** The mount failed: mountpoint busy, no permission, no FUSE. `data.code` is the errno name. */
  mount: 2,
  /** No such mount, or it is busy (`data.code` EBUSY). */
  target: 3,
  /** Not for this user: the system's daemon serves the members of a group, but not in everything. */
  denied: 4,
  /** The configuration file is wrong. */
  configuration: 5,
} as const;

export interface RpcErrorData {
  kind?: string;
  code?: string;
}
