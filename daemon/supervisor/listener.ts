/** Takes connections in on one socket, also when there are more than the machine has room for. */
import { closeSync, openSync } from "node:fs";
import { close, SystemError } from "../../fs-adapter/system/libc.js";
import { POLLIN, type Poller } from "../../fs-adapter/system/poller.js";
import { acceptUnix } from "../../fs-adapter/system/unix-socket.js";

/** Of one round, so that a flood leaves time for requests. */
const MAX_ACCEPTED = 64;
/** Where the kernel has no room, it is asked again that much later. */
const PAUSE_MILLISECONDS = 100;
/** One line in the log for all that are refused within it. */
const QUIET_MILLISECONDS = 10_000;
const NO_ROOM = new Set(["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS"]);

export class Listener {
  /** Given up to take in, and refuse, somebody for whom no descriptor is left. */
  private reserve: number | undefined = openReserve();
  private complainedAt = Number.NEGATIVE_INFINITY;
  private pause: NodeJS.Timeout | undefined;
  private open = true;

  constructor(
    private readonly poller: Poller,
    /** Listening, non-blocking; owned by this from here on. */
    private readonly socket: number,
    /** Owns the connection. */
    private readonly connected: (fd: number) => void,
    private readonly warn: (message: string) => void,
  ) {}

  /** From now on, and whoever waits already. */
  accept(): void {
    for (let accepted = 0; this.open && accepted < MAX_ACCEPTED; accepted++) {
      try {
        const fd = acceptUnix(this.socket);
        if (fd === undefined) break;
        this.connected(fd);
      } catch (error) {
        if (!(error instanceof SystemError) || !NO_ROOM.has(error.code)) throw error;
        this.complain(error.code);
        if (!this.refuse()) return this.rest();
      }
    }
    if (this.open) this.poller.watch(this.socket, POLLIN, () => this.accept());
  }

  close(): void {
    this.open = false;
    clearTimeout(this.pause);
    this.poller.unwatch(this.socket);
    close(this.socket);
    if (this.reserve !== undefined) closeSync(this.reserve);
  }

  /** Left alone they would wait, and this would be called for them again and again. */
  private refuse(): boolean {
    if (this.reserve === undefined) return false;
    closeSync(this.reserve);
    this.reserve = undefined;
    try {
      const fd = acceptUnix(this.socket);
      if (fd !== undefined) close(fd);
      return fd !== undefined;
    } catch (error) {
      if (!(error instanceof SystemError) || !NO_ROOM.has(error.code)) throw error;
      return false;
    } finally {
      this.reserve = openReserve();
    }
  }

  private rest(): void {
    this.pause = setTimeout(() => {
      this.reserve ??= openReserve();
      this.accept();
    }, PAUSE_MILLISECONDS);
  }

  private complain(code: string): void {
    const now = performance.now();
    if (now - this.complainedAt < QUIET_MILLISECONDS) return;
    this.complainedAt = now;
    this.warn(`connections are refused, since there is no room for more: ${code}`);
  }
}

/** Undefined where there is no room even for that. */
function openReserve(): number | undefined {
  try {
    return openSync("/dev/null", "r");
  } catch (error) {
    if (!NO_ROOM.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
    return undefined;
  }
}
