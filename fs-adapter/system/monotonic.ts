/**
 * A clock that nobody sets and that stands still while the machine sleeps. `performance.now()` is
 * one, too, but begins anew with each thread: this is the same for all.
 */
const [seconds, nanoseconds] = process.hrtime();

/** What `performance.now()` of this thread is to be added to. */
export const THREAD_ORIGIN = seconds * 1000 + nanoseconds / 1e6 - performance.now();

export function monotonicMilliseconds(): number {
  return THREAD_ORIGIN + performance.now();
}
