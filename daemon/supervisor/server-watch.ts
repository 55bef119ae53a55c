/**
 * Looks after one server that serves a mount: one that does not answer, that is at one request for
 * too long, has outgrown its memory or is dead without the kernel saying so is ended, so that
 * another takes its place.
 */
import { readFileSync } from "node:fs";
import { isEnding } from "./known-process.js";
import type { Server } from "./server.js";

/** A server that is silent, or at one request, for longer hangs. */
const HANG_MILLISECONDS = 1000 * Number(process.env.ISOMOUNT_HANG_SECONDS ?? 60);
const EXAMINE_MILLISECONDS = Math.min(10_000, HANG_MILLISECONDS / 4);
/** The end of a server is told by its link, but for one that a thread in the kernel keeps. */
const LOOK_MILLISECONDS = 1_000;
/** Private memory of a server: four times what the largest image takes. */
const MAX_SERVER_BYTES = 768 * 2 ** 20;

export class ServerWatch {
  /**
   * Since it was heard last, in rounds of ours: what it said while this process was stopped, or the
   * machine asleep, waits behind the timers, and is no silence.
   */
  private silentMilliseconds = 0;
  private busyMilliseconds = 0;
  private readonly looking: NodeJS.Timeout;
  private readonly examining: NodeJS.Timeout;

  constructor(
    private readonly server: Server,
    /** How often it is to be asked how it is, if that is more often than for our own needs. */
    milliseconds: number,
    /** Told why, before it is ended. */
    private readonly trouble: (what: string) => void,
  ) {
    this.looking = setInterval(() => {
      // By its pid, which never says more than that: what keeps it stays.
      if (isEnding(server)) server.kill();
    }, LOOK_MILLISECONDS);
    const pause = Math.min(EXAMINE_MILLISECONDS, milliseconds);
    this.examining = setInterval(() => {
      this.examine();
      this.silentMilliseconds += pause;
    }, pause);
  }

  /** It has said something; `busyMilliseconds` where that was how long it has been at one request. */
  heard(busyMilliseconds?: number): void {
    this.silentMilliseconds = 0;
    if (busyMilliseconds !== undefined) this.busyMilliseconds = busyMilliseconds;
  }

  stop(): void {
    clearInterval(this.looking);
    clearInterval(this.examining);
  }

  private examine(): void {
    const { server, silentMilliseconds: silent } = this;
    const grown = anonymousMemory(server.pid);
    const trouble =
      silent > HANG_MILLISECONDS
        ? `its server has not answered for ${Math.round(silent / 1000)} seconds`
        : this.busyMilliseconds > HANG_MILLISECONDS
          ? `its server has been at one request for ${Math.round(this.busyMilliseconds / 1000)} seconds`
          : grown > MAX_SERVER_BYTES
            ? `its server has grown to ${Math.round(grown / 2 ** 20)} MiB`
            : undefined;
    if (trouble === undefined) return server.send({ type: "ping" });
    this.stop();
    this.trouble(`${trouble}: replacing it`);
    server.kill();
  }
}

/** Bytes that belong to one process alone and lie in no file; 0 where there is no such process. */
function anonymousMemory(pid: number): number {
  if (pid <= 0) return 0;
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    return 1024 * Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Gone; or this process has no descriptor left, and looks again later.
    if (["ENOENT", "ESRCH", "EMFILE", "ENFILE"].includes(code ?? "")) return 0;
    throw error;
  }
}
