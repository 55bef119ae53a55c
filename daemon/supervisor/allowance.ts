/**
 * What clients may make the daemon hold for them, all together: a thousand that send half a line
 * each, or do not read their answers, must not take the room from the rest.
 */
export class Allowance {
  private held = 0;

  constructor(private readonly most: number) {}

  get exceeded(): boolean {
    return this.held > this.most;
  }

  /** `change` more than before, or less. */
  take(change: number): void {
    this.held += change;
  }
}
