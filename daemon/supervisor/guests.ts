/**
 * Guests: members of the group that root's daemon serves, who are not root. What they may do is what
 * they could do with a daemon of their own, and nothing that would make root's rights theirs.
 */
import { descriptorPath } from "../../fs-adapter/mounting/mount.js";
import { isFuse, readMountinfo } from "../../fs-adapter/mounting/mountinfo.js";
import { cachedStat } from "../../fs-adapter/system/cached-stat.js";
import { mountIdOf } from "../../fs-adapter/system/close-foreign.js";
import { type Methods, type MountOptions, RpcErrorCode } from "../rpc/protocol.js";
import { RequestFailure } from "./failure.js";
import type { Peer } from "./rpc-connection.js";

/** For each user. */
export const MAX_MOUNTS = 64;
export const MAX_SESSIONS = 16;

const methods: ReadonlySet<string> = new Set<keyof Methods>([
  "open",
  "supply",
  "verify",
  "mount",
  "umount",
  "list",
  "wait",
  "daemon",
  "subscribe",
]);

export function denied(message: string): RequestFailure {
  return new RequestFailure(RpcErrorCode.denied, message, { code: "EPERM" });
}

/** Throws RequestFailure for what is root's alone. */
export function checkMethod(method: string): void {
  if (!methods.has(method)) throw denied(`${method} is for root only`);
}

/**
 * Each of these is refused: a server that runs as root, a mount that root alone would see, and files
 * that seem to be somebody else's, which everybody would see (udisks lets its users choose no
 * others, either).
 */
export function checkMountOptions(options: MountOptions, peer: Peer): void {
  const { uid, gid } = options;
  if (options.transport === "fuse-native") {
    throw denied("fuse-native would run as root: the system's daemon refuses it");
  }
  if (options.private) {
    throw denied("private would hide the mount from all but root: leave it out");
  }
  if (uid !== undefined && uid !== peer.uid) {
    throw denied(`uid=${uid} is not you: the system's daemon takes your own, ${peer.uid}`);
  }
  if (gid !== undefined && !peer.groups.includes(gid)) {
    throw denied(`you are not of group ${gid}: the system's daemon takes your own groups`);
  }
}

/**
 * Throws RequestFailure unless the folder is the user's own. One in a FUSE filesystem is not even
 * looked at: whose server does not answer would keep the daemon waiting.
 */
export function checkFolder(fd: number, uid: number): void {
  const path = descriptorPath(fd);
  const mount = readMountinfo().find(({ mountId }) => mountId === mountIdOf(fd));
  if (mount === undefined) throw denied(`${path} lies in a filesystem that the daemon cannot see`);
  if (isFuse(mount)) {
    throw denied(`${path} lies in a FUSE filesystem (${mount.type}): mount elsewhere`);
  }
  const owner = cachedStat(fd).uid;
  if (owner !== uid) throw denied(`${path} belongs to user ${owner}, not to you`);
}
