/** Counts what `isomount events` tells. What happens while no daemon runs, nobody tells. */
import { type ChildProcess, spawn } from "node:child_process";
import type { DaemonEvent } from "../../daemon/rpc/protocol.js";
import { type Isomount, program } from "../support/isomount.js";

type Event = DaemonEvent["event"];

/** After the death of a daemon, which ends the command. */
const PAUSE_MILLISECONDS = 300;

export class Happenings {
  readonly counts: Partial<Record<Event, number>> = {};
  /** Of the kind `error`. */
  readonly complaints: string[] = [];
  private child: ChildProcess | undefined;
  private stopped = false;

  constructor(private readonly isomount: Isomount) {
    this.listen();
  }

  stop(): void {
    this.stopped = true;
    this.child?.kill();
  }

  private listen(): void {
    if (this.stopped) return;
    const { cwd, env } = this.isomount.surroundings;
    const child = spawn(process.execPath, [program, "events", "--json"], {
      cwd,
      env,
      stdio: ["ignore", "pipe", "ignore"],
    });
    this.child = child;
    let rest = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      const lines = (rest + part).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.count(JSON.parse(line) as DaemonEvent);
    });
    child.on("close", () => setTimeout(() => this.listen(), PAUSE_MILLISECONDS));
  }

  private count({ event, message }: DaemonEvent): void {
    this.counts[event] = (this.counts[event] ?? 0) + 1;
    if (event === "error") this.complaints.push(message);
  }
}
