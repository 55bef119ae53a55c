/** Starts serving threads. */
import { type TransferListItem, Worker } from "node:worker_threads";
import type { FromThread, ThreadStart } from "./thread-messages.js";

/** `failed`: it could not be started, or has met a defect. */
export function startThread(
  start: ThreadStart,
  transferList: TransferListItem[],
  hear: (message: FromThread) => void,
  failed: (error: Error) => void,
): Worker {
  const worker = new Worker(new URL("./serving-thread.js", import.meta.url), {
    workerData: start,
    transferList,
  });
  worker.on("message", hear);
  worker.on("error", failed);
  return worker;
}
