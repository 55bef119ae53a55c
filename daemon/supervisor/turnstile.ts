/**
 * Lets a few through at a time. When all servers die at once, as many started at once would take
 * the processors from each other, and the first reader would wait for the last server.
 */
import { availableParallelism } from "node:os";
import { setTimeout as pause } from "node:timers/promises";

/** Part of a start is waiting for the disk. */
const PLACES = Math.max(4, availableParallelism());
/** What takes longer waits for something else than a processor: it keeps nobody behind it waiting. */
const HOLD_MILLISECONDS = 2_000;

export class Turnstile {
  private free = PLACES;
  private readonly queue: (() => void)[] = [];

  /** Calls `start` when there is a place; in the order of the calls. */
  async pass<T>(start: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((admit) => this.queue.push(admit));
    const started = Promise.resolve().then(start);
    const held = new AbortController();
    const slow = pause(HOLD_MILLISECONDS, undefined, { signal: held.signal, ref: false });
    const settled = Promise.allSettled([started]);
    void Promise.race([settled, slow.catch(() => {})]).then(() => {
      held.abort();
      this.leave();
    });
    return started;
  }

  private leave(): void {
    const next = this.queue.shift();
    if (next === undefined) this.free++;
    else next();
  }
}
