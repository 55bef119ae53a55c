/**
 * A server: the process that reads one image and answers for one mount. It holds descriptors only
 * and runs in a sandbox without files of its own. Which image that is, the supervisor says once
 * everything is loaded: a server may be started before anybody needs it.
 *
 * The serving thread is started before anything else is loaded: it takes longest, and a second core
 * loads the control side meanwhile.
 */
import "../no-debugger.js";
import { writeSync } from "node:fs";
import { MessageChannel } from "node:worker_threads";
import { COUNTERS_SIZE } from "../../fs-adapter/counters.js";
import { STORE_QUEUE_SIZE } from "../../fs-adapter/dev-fuse/store-queue.js";
import { ChunkArena } from "../../image-core/cache/chunk-arena.js";
import { startThread } from "./thread.js";
import type { FirstThreadStart, FromThread } from "./thread-messages.js";

/** Of decoded chunks, for all threads together; taken only as chunks are decoded. */
const CHUNK_BYTES = 32 * 1024 * 1024;

const { port1: answers, port2 } = new MessageChannel();
const start: FirstThreadStart = {
  index: 0,
  counters: new Float64Array(new SharedArrayBuffer(COUNTERS_SIZE)),
  chunks: ChunkArena.memory(CHUNK_BYTES),
  answered: new Int32Array(new SharedArrayBuffer(4)),
  answers: port2,
  storeQueue: new SharedArrayBuffer(STORE_QUEUE_SIZE),
};
/** What the thread says before there is anybody to hear it. */
const early: FromThread[] = [];
let hear = (message: FromThread): void => {
  early.push(message);
};
const worker = startThread(
  start,
  [port2],
  (message) => hear(message),
  async (error) => {
    const { endByDefect } = await import("./defect.js");
    endByDefect(start.index, error);
  },
);

const { Control } = await import("./control.js");
const { ServingThreads } = await import("./serving-threads.js");
const { LISTENER_FD } = await import("./messages.js");
const { confine } = await import("../../fs-adapter/seccomp/install.js");
// All is loaded that is needed to hear which image it is, and not a byte of it was seen.
const problem = confine([0, 1, 2, LISTENER_FD]);
if (problem !== undefined) writeSync(2, `goes on without a system-call filter: ${problem}\n`);
const control = new Control(new ServingThreads(worker, start, answers));
hear = (message) => control.hear(message);
for (const message of early) control.hear(message);
