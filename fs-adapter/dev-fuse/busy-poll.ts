/**
 * Waiting for the next request without going to sleep at once. A program that reads one small piece
 * after the other sends its next request a few microseconds after the answer, and to wake a
 * sleeping thread on another core takes longer than to answer: looking for a moment makes a lone
 * reader up to three times as fast. (KVM's halt polling is the same bargain.)
 *
 * Who asks rarely is not worth it: after a longer silence the thread sleeps until requests come
 * close together again, so an idle mount takes no processor time.
 */
import { availableParallelism } from "node:os";
import { poll } from "../system/libc.js";
import { POLLIN } from "../system/poller.js";

const LOOK_MILLISECONDS = 0.1;
/** A request after so short a sleep promises others; waking up alone takes a third of it. */
const SHORT_SLEEP_MILLISECONDS = 0.2;

export class BusyPoll {
  /** struct pollfd. */
  private readonly table = Buffer.alloc(8);
  private worthwhile: boolean;
  private asleepSince = 0;
  /** On a lone core the reader cannot run while we look. */
  private readonly possible = availableParallelism() > 1;

  constructor(fd: number) {
    this.table.writeInt32LE(fd, 0);
    this.table.writeInt16LE(POLLIN, 4);
    this.worthwhile = this.possible;
  }

  /** Whether there is something to read now. */
  asked(): boolean {
    return poll(this.table, 1, 0) !== 0;
  }

  /** Returns when there is something to read, or when it is time to sleep in read(2). */
  look(): void {
    if (this.worthwhile) {
      const end = performance.now() + LOOK_MILLISECONDS;
      do {
        if (this.asked()) return;
      } while (performance.now() < end);
      this.worthwhile = false;
    }
    this.asleepSince = performance.now();
  }

  /** To be called when read(2) has returned. */
  woken(): void {
    if (this.worthwhile || !this.possible) return;
    this.worthwhile = performance.now() - this.asleepSince < SHORT_SLEEP_MILLISECONDS;
  }
}
