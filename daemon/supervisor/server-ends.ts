/** How often servers of one mount ended lately. */
const MAX_ENDS = 60;
/** By then it is no accident any more, as where memory is short for all servers at once. */
const MANY_ENDS = 10;
const ENDS_MILLISECONDS = 60_000;

export class ServerEnds {
  private times: number[] = [];

  /** To be called at each end. Says so where it is beyond help. */
  note(): string | undefined {
    this.times = [...this.recent(), performance.now()];
    if (this.times.length <= MAX_ENDS) return undefined;
    return `${this.times.length} servers ended within ${ENDS_MILLISECONDS / 1000} seconds`;
  }

  get areMany(): boolean {
    return this.recent().length >= MANY_ENDS;
  }

  get isAnyRecent(): boolean {
    return this.recent().length > 0;
  }

  private recent(): number[] {
    const before = performance.now() - ENDS_MILLISECONDS;
    return this.times.filter((end) => end > before);
  }
}
