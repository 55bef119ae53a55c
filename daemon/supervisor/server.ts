/** A running server as the supervisor deals with it, whoever started it. */
import type { FromServer, ToServer } from "../server/messages.js";
import type { KnownProcess } from "./known-process.js";

/** Its process is known before its first message comes. */
export interface Server extends KnownProcess {
  readonly sandboxed: boolean;
  /** Where it listens for supervisors. */
  readonly socketPath: string;
  /** From now on the server's messages and its end go there. */
  handOver(to: ServerEvents): void;
  send(message: ToServer, descriptors?: readonly number[]): void;
  /** At once and for good; `gone` follows, in two seconds at most. */
  kill(): void;
}

export interface ServerEvents {
  message(message: FromServer): void;
  /**
   * The process runs none of its program any more, for whatever reason; comes once. What holds a
   * thread of it in the kernel may hold its descriptors for longer.
   */
  gone(): void;
}
