/** The daemons that run on this machine and may be asked: one's own, and for root everybody's. */
import { existsSync, lstatSync, readFileSync, type Stats } from "node:fs";
import { basename, dirname, join } from "node:path";
import { codeOf } from "../client/failure.js";
import type { DaemonInfo, MountInfo } from "../rpc/protocol.js";
import { controlSocket } from "../rpc/runtime-folder.js";

export interface DaemonAnswer {
  folder: string;
  info?: DaemonInfo;
  mounts: MountInfo[];
  /** Why there is no answer. */
  problem?: string;
}

/** Whoever takes longer to say what it serves is stuck. */
const ANSWER_SECONDS = 5;
/** One for each user of a large machine. */
const MAX_DAEMONS = 64;
/** SO_ACCEPTCON in the "Flags" column. */
const LISTENING = 0x10000;

const SOCKET_NAME = basename(controlSocket("/"));

/** `text` as /proc/net/unix has it. The runtime folders of whoever listens, by the path alone. */
export function listeningFolders(text: string): string[] {
  const folders = new Set<string>();
  for (const line of text.split("\n").slice(1)) {
    const [, flags, path] = /^\S+ \S+ \S+ (\S+) \S+ \S+ +\d+ (\/.*)$/.exec(line) ?? [];
    if (path === undefined || (Number.parseInt(flags, 16) & LISTENING) === 0) continue;
    if (basename(path) === SOCKET_NAME) folders.add(dirname(path));
  }
  return [...folders];
}

/** Asks each that answers to this user. Throws where koffi does not load. */
export async function askDaemons(): Promise<DaemonAnswer[]> {
  const folders = listeningFolders(readFileSync("/proc/net/unix", "utf8")).filter(isOurs);
  const answers: DaemonAnswer[] = [];
  for (const folder of folders.slice(0, MAX_DAEMONS)) answers.push(await ask(folder));
  return answers;
}

/** Other programs call a socket the same: ours lies beside a lock. */
function isOurs(folder: string): boolean {
  let socket: Stats | undefined;
  try {
    socket = lstatSync(controlSocket(folder), { throwIfNoEntry: false });
  } catch (error) {
    // Of another user, root included: their folders are closed.
    if (codeOf(error) === "EACCES") return false;
    throw error;
  }
  const uid = process.getuid!();
  if (socket === undefined || (socket.uid !== uid && uid !== 0)) return false;
  return existsSync(join(folder, "isomountd.lock"));
}

async function ask(folder: string): Promise<DaemonAnswer> {
  // Loaded only here, since it needs koffi: the doctor has to work without.
  const { Connection } = await import("../client/connection.js");
  try {
    const connection = Connection.open(controlSocket(folder), ANSWER_SECONDS);
    try {
      const info = connection.call("daemon", {});
      return { folder, info, mounts: connection.call("list", {}) };
    } finally {
      connection.close();
    }
  } catch (error) {
    return { folder, mounts: [], problem: (error as Error).message };
  }
}
