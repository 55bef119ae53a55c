/** Counts what the daemon tells of its mounts. What happens while no daemon runs, nobody tells. */
import { createConnection, type Socket } from "node:net";
import { createInterface } from "node:readline";
import type { DaemonEvent } from "../../daemon/rpc/protocol.js";
import { controlSocket } from "../../daemon/rpc/runtime-folder.js";

type Event = DaemonEvent["event"];

/** After the death of a daemon, which ends the connection. */
const PAUSE_MILLISECONDS = 100;

export class Happenings {
  readonly counts: Partial<Record<Event, number>> = {};
  /** Of the kind `error`. */
  readonly complaints: string[] = [];
  private socket: Socket | undefined;
  private stopped = false;

  constructor(private readonly runtime: string) {
    this.listen();
  }

  stop(): void {
    this.stopped = true;
    this.socket?.destroy();
  }

  private listen(): void {
    if (this.stopped) return;
    const socket = createConnection(controlSocket(this.runtime));
    this.socket = socket;
    const request = { jsonrpc: "2.0", id: 1, method: "subscribe", params: {} };
    socket.on("connect", () => socket.write(`${JSON.stringify(request)}\n`));
    socket.on("close", () => setTimeout(() => this.listen(), PAUSE_MILLISECONDS));
    const lines = createInterface({ input: socket });
    // Said by `close` as well; readline hands on what the socket says.
    for (const each of [socket, lines]) each.on("error", () => {});
    lines.on("line", (line) => {
      const { method, params } = JSON.parse(line) as { method?: string; params: DaemonEvent };
      if (method === "event") this.count(params);
    });
  }

  private count({ event, message }: DaemonEvent): void {
    this.counts[event] = (this.counts[event] ?? 0) + 1;
    if (event === "error") this.complaints.push(message);
  }
}
