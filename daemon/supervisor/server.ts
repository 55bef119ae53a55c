/** A running server as the supervisor deals with it, whoever started it. */
import type { FromServer, ToServer } from "../server/messages.js";

export interface Server {
  /** 0 while it is not known yet. */
  readonly pid: number;
  readonly sandboxed: boolean;
  /** Where it listens for supervisors. */
  readonly socketPath: string;
  /** From now on the server's messages and its end go there. */
  handOver(to: ServerEvents): void;
  send(message: ToServer, descriptors?: readonly number[]): void;
  /** At once and for good; `gone` follows. */
  kill(): void;
}

export interface ServerEvents {
  message(message: FromServer): void;
  /** The process is gone, for whatever reason; comes once. */
  gone(): void;
}
