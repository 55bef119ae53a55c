/**
 * A server: the process that reads one image and answers for one mount. It holds descriptors only
 * and runs in a sandbox without files of its own.
 *
 * The serving thread is started before anything else is loaded: it takes longest, and a second core
 * loads the control side meanwhile.
 */
import { writeSync } from "node:fs";
import { MessageChannel, Worker } from "node:worker_threads";
import { COUNTERS_SIZE } from "../../fs-adapter/counters.js";
import type { ServerConfig } from "./messages.js";
import type { FromThread, ThreadStart } from "./thread-messages.js";

const counters = new Float64Array(new SharedArrayBuffer(COUNTERS_SIZE));
const answered = new Int32Array(new SharedArrayBuffer(4));
const { port1: answers, port2 } = new MessageChannel();
const start: ThreadStart = {
  config: JSON.parse(process.argv[2]) as ServerConfig,
  counters,
  answered,
  answers: port2,
};
const worker = new Worker(new URL("./serving-thread.js", import.meta.url), {
  workerData: start,
  transferList: [port2],
});

/** What the thread says before there is anybody to hear it. */
const early: FromThread[] = [];
let hear = (message: FromThread): void => {
  early.push(message);
};
worker.on("message", (message: FromThread) => hear(message));
worker.on("error", (error) => {
  // Without its thread the server is of no use: the supervisor starts another.
  writeSync(2, `serving thread: ${error.stack}\n`);
  process.exit(70);
});

const { Control } = await import("./control.js");
const control = new Control({ worker, counters, answered, answers });
hear = (message) => control.hear(message);
for (const message of early) control.hear(message);
