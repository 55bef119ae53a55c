/** What the server's main thread and its serving thread say to each other. */
import type { MessagePort } from "node:worker_threads";
import type { FromServer, ServerConfig, ToServer } from "./messages.js";

export interface ThreadStart {
  config: ServerConfig;
  /** Over a SharedArrayBuffer, see fs-adapter/counters.ts. */
  counters: Float64Array;
  /** Counts the answers to needs: the thread waits here for the next. */
  answered: Int32Array;
  /** Where those answers arrive. */
  answers: MessagePort;
}

type Ordered<T> = Extract<ToServer, { type: T }>;

export type Answer = Ordered<"supply"> & { fd?: number };

export type ToThread = (Ordered<"serve"> & { fuse: number; slots: number }) | Ordered<"verify">;

export type FromThread = Exclude<FromServer, { type: "pong" }>;
