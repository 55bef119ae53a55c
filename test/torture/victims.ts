/**
 * The processes of one daemon as the kernel knows them, by the sockets and the lock that they hold:
 * the daemon itself need not be asked, so it may be dead, starting or taking over.
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { LISTENER_FD } from "../../daemon/server/messages.js";

/** In the flags of /proc/net/unix: __SO_ACCEPTCON. */
const LISTENING = 0x10000;

export class Victims {
  /** `runtime`: the daemon's folder. */
  constructor(private readonly runtime: string) {}

  /** Whoever holds the lock, even before it listens. */
  daemon(): number | undefined {
    const inode = statSync(join(this.runtime, "isomountd.lock")).ino;
    const held = new RegExp(`^\\d+: FLOCK +ADVISORY +WRITE +(\\d+) \\S+:${inode} `, "m");
    const pid = Number(held.exec(readFileSync("/proc/locks", "latin1"))?.[1] ?? 0);
    return pid > 0 ? pid : undefined;
  }

  keeper(): number | undefined {
    return this.holders("keeper.sock").find(isNode);
  }

  /** Serving, opening, spare or just started, whoever started them. */
  servers(): number[] {
    return this.holders("server-").filter(isNode);
  }

  /** Those that no record names: they wait for an image, or open one. */
  spares(): number[] {
    const employed = readdirSync(this.runtime)
      .filter((name) => /^m\d+\.json$/.test(name))
      .map((name) => unlessGone(() => readFileSync(join(this.runtime, name), "utf8")))
      .map((text) => /"pid":(\d+)/.exec(text)?.[1]);
    return this.servers().filter((pid) => !employed.includes(String(pid)));
  }

  /** Also what the servers live in. */
  processesOfServers(): number[] {
    return this.holders("server-");
  }

  /** Processes that were started with a listening socket of such a name. */
  private holders(prefix: string): number[] {
    const sockets = this.listeners(prefix);
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name) && sockets.has(listenerOf(name)))
      .map(Number);
  }

  /** As /proc/PID/fd shows them: `socket:[1234]`. They need not have a name in the folder any more. */
  private listeners(prefix: string): Set<string> {
    const found = new Set<string>();
    for (const line of readFileSync("/proc/net/unix", "utf8").split("\n").slice(1)) {
      const [, , , flags, , , inode, path] = line.split(/ +/);
      if (path === undefined || !path.startsWith(`${this.runtime}/`)) continue;
      if ((Number.parseInt(flags, 16) & LISTENING) === 0) continue;
      if (basename(path).startsWith(prefix)) found.add(`socket:[${inode}]`);
    }
    return found;
  }
}

/** Empty where the process has none, or has ended meanwhile. */
function listenerOf(pid: string): string {
  return unlessGone(() => readlinkSync(`/proc/${pid}/fd/${LISTENER_FD}`));
}

function isNode(pid: number): boolean {
  return basename(unlessGone(() => readlinkSync(`/proc/${pid}/exe`))).startsWith("node");
}

function unlessGone(look: () => string): string {
  try {
    return look();
  } catch (error) {
    // EACCES: a process that is none of ours.
    const { code = "" } = error as NodeJS.ErrnoException;
    if (["ENOENT", "ESRCH", "EACCES"].includes(code)) return "";
    throw error;
  }
}
