/**
 * The clusters of one file, in order, found in the table as far as reading needs them.
 *
 * Memory: at most `MAX_RUNS` runs a file. Beyond, every second run is forgotten and what lies
 * between two that are kept is walked again in the table.
 */

/** A file allocation table, seen as a linked list. */
export interface ClusterTable {
  /** The cluster behind `cluster`; `END_OF_CHAIN`; or anything else that is in the table. */
  next(cluster: number): number;
  /** Why `cluster` cannot be part of a chain; undefined where it can. */
  problem(cluster: number): string | undefined;
}

export const END_OF_CHAIN = -1;
const MAX_RUNS = 4096;
/** How far one step looks ahead: bounds what the first read of a huge file costs. */
const STEP_CLUSTERS = 8192;

export class ClusterChain {
  /** What `seek` found: the cluster, and how many from it on are known to follow one another. */
  cluster = 0;
  run = 0;
  /** Why the chain ends where it ends, if not by an end mark. */
  problem: string | undefined;

  /** Runs: index in the file of the first cluster, that cluster, and how many. */
  private readonly indexes: number[] = [];
  private readonly clusters: number[] = [];
  private readonly lengths: number[] = [];
  /** Clusters found so far, and the one that follows them. */
  private found = 0;
  private pending: number;

  /**
   * `limit`: how many clusters there can be at most; a longer chain runs in a circle.
   * `contiguous`: how many clusters from `first` on belong to it without asking the table.
   */
  constructor(
    private readonly table: ClusterTable,
    first: number,
    private readonly limit: number,
    contiguous = 0,
  ) {
    this.pending = first;
    if (contiguous === 0) return;
    this.problem = table.problem(first);
    this.pending = END_OF_CHAIN;
    if (this.problem !== undefined) return;
    this.indexes.push(0);
    this.clusters.push(first);
    this.lengths.push(contiguous);
    this.found = contiguous;
  }

  /** Finds the cluster at `index` of the file; false where the chain ends before it. */
  seek(index: number): boolean {
    while (index >= this.found && this.pending !== END_OF_CHAIN) this.extend();
    if (index >= this.found) return false;
    let low = 0;
    let high = this.indexes.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.indexes[middle] <= index) low = middle;
      else high = middle - 1;
    }
    const inside = index - this.indexes[low];
    if (inside < this.lengths[low]) {
      this.cluster = this.clusters[low] + inside;
      this.run = this.lengths[low] - inside;
    } else {
      // Thinned out: the clusters behind this run were found once, so the table is sound there.
      let cluster = this.clusters[low] + this.lengths[low] - 1;
      for (let i = this.lengths[low] - 1; i < inside; i++) cluster = this.table.next(cluster);
      this.cluster = cluster;
      this.run = 1;
      while (this.run < 256 && this.table.next(cluster) === cluster + 1) {
        cluster++;
        this.run++;
      }
      this.run = Math.min(this.run, this.found - index);
    }
    return true;
  }

  /** Takes clusters from the table until they stop following one another. */
  private extend(): void {
    const first = this.pending;
    let cluster = first;
    let length = 0;
    for (;;) {
      this.problem =
        this.found + length >= this.limit
          ? `the chain is longer than the volume's ${this.limit} clusters: it runs in a circle`
          : this.table.problem(cluster);
      if (this.problem !== undefined) {
        this.pending = END_OF_CHAIN;
        break;
      }
      length++;
      const next = this.table.next(cluster);
      if (next !== cluster + 1 || length === STEP_CLUSTERS) {
        this.pending = next;
        break;
      }
      cluster = next;
    }
    if (length > 0) this.append(first, length);
  }

  private append(first: number, length: number): void {
    const last = this.indexes.length - 1;
    const adjacent = last >= 0 && this.indexes[last] + this.lengths[last] === this.found;
    if (adjacent && this.clusters[last] + this.lengths[last] === first) {
      this.lengths[last] += length;
    } else {
      if (this.indexes.length === MAX_RUNS) this.thin();
      this.indexes.push(this.found);
      this.clusters.push(first);
      this.lengths.push(length);
    }
    this.found += length;
  }

  private thin(): void {
    const kept = this.indexes.length >> 1;
    for (let i = 0; i < kept; i++) {
      this.indexes[i] = this.indexes[2 * i];
      this.clusters[i] = this.clusters[2 * i];
      this.lengths[i] = this.lengths[2 * i];
    }
    this.indexes.length = this.clusters.length = this.lengths.length = kept;
  }
}
