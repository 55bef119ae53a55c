/** Tells when a thread decodes so much that further threads are worth their memory. */

const WINDOW_MILLISECONDS = 1000;
/** A few chunks: what `ls` of a folder decodes stays below, a file that is read does not. */
const LOADED_MILLISECONDS = 15;

export class DecodingLoad {
  private windowStart = Number.NEGATIVE_INFINITY;
  private milliseconds = 0;

  /** `milliseconds` of decoding ended at `now`. True if there was much of it in the last second. */
  add(milliseconds: number, now: number): boolean {
    if (now - this.windowStart > WINDOW_MILLISECONDS) {
      this.windowStart = now;
      this.milliseconds = 0;
    }
    this.milliseconds += milliseconds;
    return this.milliseconds > LOADED_MILLISECONDS;
  }
}
