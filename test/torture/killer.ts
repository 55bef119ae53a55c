/**
 * Kills what belongs to a daemon, at any time: nothing is waited for, but that never keeper and
 * daemon are dead at once, since nobody would hold the mounts' connections then.
 */
import type { Isomount } from "../support/isomount.js";
import { daemonInfo, restartDaemon } from "./talk.js";
import { Victims } from "./victims.js";

/** In this order they share the strokes. */
const shares = {
  /** A server, whatever it is doing. */
  server: 0.5,
  /** One that waits for the next image, or opens one. */
  spare: 0.08,
  daemon: 0.14,
  restart: 0.06,
  /** Daemon and servers at the same instant. */
  everything: 0.12,
  keeper: 0.1,
} as const;

export type Kind = keyof typeof shares;

/** Between the deaths of keeper and daemon. */
const APART_MILLISECONDS = 2_000;

export class Killer {
  readonly kills: Record<Kind, number> = {
    server: 0,
    spare: 0,
    daemon: 0,
    restart: 0,
    everything: 0,
    keeper: 0,
  };
  /** A command may reach a daemon that was killed a moment before. */
  readonly failedCommands: string[] = [];
  private readonly victims: Victims;
  private daemonKilledAt = 0;
  private keeperKilledAt = 0;
  /** Until another is there. */
  private deadKeeper: number | undefined;

  constructor(private readonly isomount: Isomount) {
    this.victims = new Victims(isomount.runtime);
  }

  get total(): number {
    return Object.values(this.kills).reduce((sum, count) => sum + count, 0);
  }

  strike(): void {
    const kind = draw();
    if (this.strikeAt(kind)) this.kills[kind]++;
  }

  /** Says whether it found its victim. */
  private strikeAt(kind: Kind): boolean {
    switch (kind) {
      case "server":
        return kill(pick(this.victims.servers()));
      case "spare":
        return kill(pick(this.victims.spares()));
      case "keeper":
        return this.killKeeper();
      default:
        if (!this.mayKillDaemon()) return false;
        this.daemonKilledAt = Date.now();
        if (kind === "daemon") return kill(this.victims.daemon());
        if (kind === "everything") return this.killEverything();
        return this.restart();
    }
  }

  private restart(): boolean {
    const problem = restartDaemon(this.isomount);
    this.daemonKilledAt = Date.now();
    if (problem !== undefined) this.failedCommands.push(`daemon restart: ${problem}`);
    return true;
  }

  private killEverything(): boolean {
    const daemon = this.victims.daemon();
    // So that it sees no server die, and starts no other.
    if (!kill(daemon, "SIGSTOP")) return false;
    for (const server of this.victims.servers()) kill(server);
    return kill(daemon);
  }

  private killKeeper(): boolean {
    if (this.deadKeeper !== undefined || !isPast(this.daemonKilledAt)) return false;
    // One that the daemon knows: it has all there is to keep.
    const pid = daemonInfo(this.isomount.runtime).keeper?.pid;
    if (!kill(pid)) return false;
    this.deadKeeper = pid;
    this.keeperKilledAt = Date.now();
    return true;
  }

  private mayKillDaemon(): boolean {
    if (this.deadKeeper !== undefined) {
      const { pid } = daemonInfo(this.isomount.runtime).keeper ?? {};
      if (pid === undefined || pid === this.deadKeeper) return false;
      this.deadKeeper = undefined;
    }
    return isPast(this.keeperKilledAt);
  }
}

function isPast(killedAt: number): boolean {
  return Date.now() - killedAt > APART_MILLISECONDS;
}

function draw(): Kind {
  let luck = Math.random();
  for (const [kind, share] of Object.entries(shares) as [Kind, number][]) {
    luck -= share;
    if (luck < 0) return kind;
  }
  return "server";
}

function pick(pids: readonly number[]): number | undefined {
  return pids[Math.floor(Math.random() * pids.length)];
}

function kill(pid: number | undefined, signal: NodeJS.Signals = "SIGKILL"): boolean {
  // 0 and less would be whole process groups: what has no process has pid 0.
  if (pid === undefined || pid <= 0) return false;
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    return false;
  }
}
