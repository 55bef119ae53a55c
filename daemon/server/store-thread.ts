/**
 * Hands what a serving thread has read ahead to the kernel. It may wait in the kernel for a page
 * until the serving thread has answered the request that holds it; nobody ever waits for it.
 */
import { writeSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { StoreQueueReader } from "../../fs-adapter/dev-fuse/store-queue.js";
import type { StoreThreadStart } from "./thread-messages.js";

/** Then its memory is given back. */
const IDLE_MILLISECONDS = 5000;

const { fuse, queue } = workerData as StoreThreadStart;

new StoreQueueReader(queue).drain(IDLE_MILLISECONDS, (ring, at, length) => {
  try {
    writeSync(fuse, ring, at, length);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ENOENT: the kernel has forgotten the file meanwhile.
    if (code !== "ENOENT" && code !== "EINTR") throw error;
  }
});
