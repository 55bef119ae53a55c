/** Where the control socket, the log and the state lie: one folder a user, closed to everybody else. */
import { lstatSync, mkdirSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";

/** The folder of the user who runs this; not necessarily there yet. */
export function runtimeFolder(
  environment: NodeJS.ProcessEnv = process.env,
  uid = process.getuid!(),
): string {
  if (environment.ISOMOUNT_RUNTIME_DIR) return resolve(environment.ISOMOUNT_RUNTIME_DIR);
  if (uid === 0) return "/run/isomount";
  const session = environment.XDG_RUNTIME_DIR;
  // `su` leaves the variable pointing at the folder of the user from before.
  if (session && isAbsolute(session) && ownerOf(session) === uid) return join(session, "isomount");
  return `/tmp/isomount-${uid}`;
}

/** Makes the folder if it is not there, and returns it. Throws where it is not safe to use. */
export function ensureRuntimeFolder(folder = runtimeFolder()): string {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  checkRuntimeFolder(folder);
  return folder;
}

/**
 * Throws unless the folder is ours and closed to others: in /tmp anybody could have made it, and
 * whoever listens there would be handed open images and passphrases. False where it is not there.
 */
export function checkRuntimeFolder(folder: string): boolean {
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  if (stat === undefined) return false;
  if (!stat.isDirectory()) throw new Error(`${folder} is not a folder; remove it`);
  if (stat.uid !== process.getuid!()) {
    throw new Error(`${folder} belongs to user ${stat.uid}; remove it or set ISOMOUNT_RUNTIME_DIR`);
  }
  if ((stat.mode & 0o077) !== 0) {
    throw new Error(`${folder} is open to other users; run: chmod 700 ${folder}`);
  }
  return true;
}

export function controlSocket(folder: string): string {
  return join(folder, "control.sock");
}

function ownerOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.uid;
}
