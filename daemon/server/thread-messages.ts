/** What the server's main thread and its serving threads say to each other. */
import type { MessagePort } from "node:worker_threads";
import type { FromServer, GivenNeed, ServerConfig, ToServer } from "./messages.js";

/** The thread that hands files to the kernel. */
export interface StoreThreadStart {
  fuse: number;
  /** See fs-adapter/dev-fuse/store-queue.ts. */
  queue: SharedArrayBuffer;
}

interface AnyThreadStart {
  /** Over a SharedArrayBuffer, see fs-adapter/counters.ts. */
  counters: Float64Array;
  /** Decoded chunks, see image-core/cache/chunk-arena.ts. */
  chunks: SharedArrayBuffer;
}

/** The thread that opens the image for the supervisor, and then verifies or serves it. */
export interface FirstThreadStart extends AnyThreadStart {
  index: 0;
  /** Counts the answers to needs: the thread waits here for the next. */
  answered: Int32Array;
  /** Where those answers arrive. */
  answers: MessagePort;
  /** See fs-adapter/dev-fuse/store-queue.ts. */
  storeQueue: SharedArrayBuffer;
}

/** A thread that opens the image once more, to serve it as well. */
export interface FurtherThreadStart extends AnyThreadStart {
  /** From 1. */
  index: number;
  image: OpenOrder;
  /** What the first thread needed, and got. */
  met: readonly MetNeed[];
  order: ThreadOrder;
}

export type ThreadStart = FirstThreadStart | FurtherThreadStart;

export type MetNeed = GivenNeed & { fd?: number };

type Ordered<T> = Extract<ToServer, { type: T }>;

export type Answer = Ordered<"supply"> & { fd?: number };

export type OpenOrder = { type: "open"; config: ServerConfig; fd: number };

export type ThreadOrder = Ordered<"serve"> & { fuse: number; slots: number };

export type ToThread = OpenOrder | ThreadOrder | Ordered<"verify">;

export type FromThread =
  | Exclude<FromServer, { type: "pong" | "given" }>
  /** Decoding keeps the first thread busy: further threads would be of use. Said once. */
  | { type: "loaded" }
  /** Files are read ahead: a thread should hand them to the kernel. */
  | { type: "stores" };
