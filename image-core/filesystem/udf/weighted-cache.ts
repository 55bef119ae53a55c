/**
 * What was decoded lately, by node id. Policy: two generations of at most half the limit each; what
 * is used moves into the younger, and when that is full the older one goes. Never more than `limit`;
 * what weighs more than half of it is not kept at all.
 *
 * Not one Map in order of use: in V8 deleting and setting the same key again and again leaves a chain
 * of deleted entries behind, and costs as much as the Map is long.
 */
export class WeightedCache<T> {
  private young = new Map<number, { value: T; weight: number }>();
  private old = new Map<number, { value: T; weight: number }>();
  private youngWeight = 0;

  constructor(private readonly limit: number) {}

  get(key: number): T | undefined {
    const entry = this.young.get(key);
    if (entry !== undefined) return entry.value;
    const former = this.old.get(key);
    if (former === undefined) return undefined;
    this.set(key, former.value, former.weight);
    return former.value;
  }

  /** `weight`: in bytes or any other unit of the limit. */
  set(key: number, value: T, weight: number): void {
    if (weight * 2 > this.limit) return;
    if ((this.youngWeight + weight) * 2 > this.limit) {
      this.old = this.young;
      this.young = new Map();
      this.youngWeight = 0;
    }
    this.young.set(key, { value, weight });
    this.youngWeight += weight;
  }
}
