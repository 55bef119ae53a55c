/** A map of bounded weight that forgets what was not used for longest. */
export class RecentlyUsed<T> {
  private readonly entries = new Map<number, { value: T; weight: number }>();
  private total = 0;

  /** `limit`: of the weights together. An entry heavier than that is kept alone. */
  constructor(private readonly limit: number) {}

  get(key: number): T | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    if (this.total >= this.limit / 2) {
      // Only a cache that may soon forget needs the order of use.
      this.entries.delete(key);
      this.entries.set(key, entry);
    }
    return entry.value;
  }

  /** `key` must not be there yet. */
  add(key: number, value: T, weight: number): T {
    for (const [oldest, entry] of this.entries) {
      if (this.total + weight <= this.limit) break;
      this.entries.delete(oldest);
      this.total -= entry.weight;
    }
    this.entries.set(key, { value, weight });
    this.total += weight;
    return value;
  }
}
