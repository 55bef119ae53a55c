/**
 * A server started before anybody needs it: an image opens, and a mount gets another server, in a
 * third of the time. It is there for a while after a server was needed, since more will be; and as
 * long as `wanted` says.
 */
import { SystemError } from "../../fs-adapter/system/libc.js";
import type { DaemonInfo } from "../rpc/protocol.js";
import { hasIdleProcessors } from "./idle-processors.js";
import { programIdentity } from "./sandbox.js";
import type { ServerProcess } from "./server-process.js";

/** Whoever was waiting for the last server is served first. */
const PREPARE_AFTER_MILLISECONDS = 150;
/** On a machine that is busy without end it is started all the same, for what sleeps. */
const MAX_DELAYS = 100;
const KEEP_MILLISECONDS = 60_000;

export class SpareServer {
  private server: ServerProcess | undefined;
  /** The program that it was started from. */
  private program = "";
  private preparing: NodeJS.Timeout | undefined;
  private keeping: NodeJS.Timeout | undefined;
  private timeZone = "";

  constructor(
    private readonly start: (timeZone: string) => ServerProcess,
    private readonly wanted: () => boolean,
    /** By the configuration, which may change. */
    private readonly permitted: () => boolean,
  ) {}

  /** Another is started soon after. A server's time zone is fixed with its start. */
  take(timeZone: string): ServerProcess | undefined {
    // One of a version before the last upgrade could load nothing for its image.
    if (!this.permitted() || this.program !== programIdentity()) this.end();
    const { server } = this;
    this.expect(timeZone);
    if (server?.timeZone !== timeZone) return undefined;
    this.server = undefined;
    return server.alive ? server : undefined;
  }

  get info(): DaemonInfo["spare"] {
    if (!this.server?.alive) return undefined;
    const { pid, launcher, socketPath } = this.server;
    return { pid, launcher, socketPath };
  }

  /** A server will be needed. */
  expect(timeZone: string): void {
    if (!this.permitted()) return;
    this.timeZone = timeZone;
    clearTimeout(this.preparing);
    clearTimeout(this.keeping);
    this.prepareSoon(0);
    this.keeping = setTimeout(() => this.expire(), KEEP_MILLISECONDS);
  }

  end(): void {
    clearTimeout(this.preparing);
    this.preparing = undefined;
    clearTimeout(this.keeping);
    this.server?.kill();
    this.server = undefined;
  }

  /** Starting it takes a processor for a quarter of a second: not from whoever reads the new mount. */
  private prepareSoon(delays: number): void {
    this.preparing = setTimeout(async () => {
      const { preparing } = this;
      const now = delays >= MAX_DELAYS || (await hasIdleProcessors());
      // Meanwhile a server was taken, or this came to its end.
      if (preparing !== this.preparing) return;
      if (now) this.prepare();
      else this.prepareSoon(delays + 1);
    }, PREPARE_AFTER_MILLISECONDS);
  }

  private prepare(): void {
    if (this.server?.alive && this.server.timeZone === this.timeZone) return;
    this.server?.kill();
    try {
      this.program = programIdentity();
      this.server = this.start(this.timeZone);
    } catch (error) {
      // No descriptors, no processes: whoever needs a server will be told.
      if (!(error instanceof SystemError)) throw error;
      this.server = undefined;
    }
  }

  private expire(): void {
    if (this.wanted() && this.permitted()) {
      this.keeping?.refresh();
      return;
    }
    this.end();
  }
}
