/** What was asked of a mount, over all of its servers: each counts from nothing. */
import type { MountStatistics } from "../rpc/protocol.js";

const NO_STATISTICS: MountStatistics = {
  requests: 0,
  reads: 0,
  readBytes: 0,
  splicedBytes: 0,
  filesAhead: 0,
  errors: 0,
  milliseconds: 0,
  cacheHits: 0,
  cacheMisses: 0,
};

export class Statistics {
  private present = NO_STATISTICS;
  private earlier = NO_STATISTICS;

  /** Whether more was asked than the server said before. One of an earlier version may count less. */
  update(counted: Partial<MountStatistics>): boolean {
    const before = this.present.requests;
    this.present = { ...NO_STATISTICS, ...counted };
    return this.present.requests > before;
  }

  /** The server is gone; what it has counted stays. */
  closeAccount(): void {
    this.earlier = this.total();
    this.present = NO_STATISTICS;
  }

  total(): MountStatistics {
    return sum(this.earlier, this.present);
  }
}

function sum(a: MountStatistics, b: MountStatistics): MountStatistics {
  const total = { ...a };
  for (const name of Object.keys(total) as (keyof MountStatistics)[]) total[name] += b[name];
  return total;
}
