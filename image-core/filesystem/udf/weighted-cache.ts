/**
 * What was decoded lately, by node id. Policy: least recently used out first, until the weights of
 * what stays are at most `limit`; what weighs more than that alone is not kept at all.
 */
export class WeightedCache<T> {
  private readonly entries = new Map<number, { value: T; weight: number }>();
  private total = 0;

  constructor(private readonly limit: number) {}

  get(key: number): T | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    // Below half the limit nothing is about to go, so the order of use need not be kept.
    if (this.total * 2 > this.limit) {
      this.entries.delete(key);
      this.entries.set(key, entry);
    }
    return entry.value;
  }

  /** `weight`: in bytes or any other unit of the limit. */
  set(key: number, value: T, weight: number): void {
    if (weight > this.limit) return;
    this.entries.set(key, { value, weight });
    this.total += weight;
    for (const [oldest, entry] of this.entries) {
      if (this.total <= this.limit) break;
      this.entries.delete(oldest);
      this.total -= entry.weight;
    }
  }
}
