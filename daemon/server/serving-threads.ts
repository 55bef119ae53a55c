/**
 * The threads of a server: one to begin with, since each takes 15 to 20 MiB with its decoders' own
 * memory; as many as there are cores once decoding keeps that one busy.
 */
import { writeSync } from "node:fs";
import { availableParallelism } from "node:os";
import { type MessagePort, Worker } from "node:worker_threads";
import { COUNTERS_SIZE, type Counters, readCounters } from "../../fs-adapter/counters.js";
import { MAX_SLOTS } from "../../fs-adapter/dev-fuse/slot.js";
import { isProgramGone } from "../program-gone.js";
import { endByDefect } from "./defect.js";
import { startThread } from "./thread.js";
import type {
  Answer,
  FirstThreadStart,
  FromThread,
  FurtherThreadStart,
  MetNeed,
  OpenOrder,
  StoreThreadStart,
  ThreadOrder,
  ToThread,
} from "./thread-messages.js";

/** A bound on memory, however many cores there are. */
const MAX_THREADS = 4;

export class ServingThreads {
  private readonly counters: Float64Array[];

  constructor(
    private readonly first: Worker,
    private readonly start: FirstThreadStart,
    private readonly answers: MessagePort,
  ) {
    this.counters = [start.counters];
  }

  order(order: ToThread): void {
    this.first.postMessage(order);
  }

  /** To the need that the first thread waits for. */
  answer(answer: Answer): void {
    this.answers.postMessage(answer);
    this.wake();
  }

  /** A thread that waits for an answer goes on without one. */
  wake(): void {
    Atomics.add(this.start.answered, 0, 1);
    Atomics.notify(this.start.answered, 0);
  }

  /** Starts the others: they serve as `order` told the first to. */
  startFurther(
    image: OpenOrder,
    order: ThreadOrder,
    met: readonly MetNeed[],
    hear: (message: FromThread) => void,
  ): void {
    const { chunks } = this.start;
    const total = Math.min(availableParallelism(), MAX_THREADS, MAX_SLOTS);
    for (let index = this.counters.length; index < total; index++) {
      const counters = new Float64Array(new SharedArrayBuffer(COUNTERS_SIZE));
      this.counters.push(counters);
      const start: FurtherThreadStart = {
        index,
        image,
        counters,
        chunks,
        met,
        // What an earlier server held is answered by the first thread.
        order: { ...order, resume: false },
      };
      startThread(start, [], hear, (error) => {
        // Those that serve already are enough.
        if (!isProgramGone(error)) endByDefect(index, error);
      });
    }
  }

  /** Hands the kernel what the first thread reads ahead; ends when there is none for a while. */
  startStoring(fuse: number): void {
    const start: StoreThreadStart = { fuse, queue: this.start.storeQueue };
    const worker = new Worker(new URL("./store-thread.js", import.meta.url), { workerData: start });
    worker.on("error", (error: NodeJS.ErrnoException) => {
      // Nothing depends on it. ENODEV: the mount is gone, of which the serving thread tells.
      if (error.code !== "ENODEV" && !isProgramGone(error))
        writeSync(2, `storing thread: ${error.stack}\n`);
    });
  }

  readCounters(): Counters {
    return readCounters(this.counters);
  }
}
