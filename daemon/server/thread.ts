/** Starts serving threads. Without any of them the server is of no use: it ends when one fails. */
import { writeSync } from "node:fs";
import { type TransferListItem, Worker } from "node:worker_threads";
import type { FromThread, ThreadStart } from "./thread-messages.js";

export function startThread(
  start: ThreadStart,
  transferList: TransferListItem[],
  hear: (message: FromThread) => void,
): Worker {
  const worker = new Worker(new URL("./serving-thread.js", import.meta.url), {
    workerData: start,
    transferList,
  });
  worker.on("message", hear);
  worker.on("error", (error) => {
    // The supervisor starts another server, which answers what this thread has in hand.
    writeSync(2, `serving thread ${start.index}: ${error.stack}\n`);
    process.exit(70);
  });
  return worker;
}
