/** How long to wait before what has ended is started again: longer and longer where it ends at once. */
const FIRST_MILLISECONDS = 1_000;
const MAX_MILLISECONDS = 60_000;
/** What has lived so long did not end at once. */
const STEADY_MILLISECONDS = 10_000;

export class RestartPause {
  private next = FIRST_MILLISECONDS;

  /** In milliseconds, as is `lived`: how long it ran. */
  after(lived: number): number {
    const pause = lived > STEADY_MILLISECONDS ? FIRST_MILLISECONDS : this.next;
    this.next = Math.min(2 * pause, MAX_MILLISECONDS);
    return pause;
  }
}
