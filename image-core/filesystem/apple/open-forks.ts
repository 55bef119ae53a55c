/**
 * Forks that were read, by node: their extents cost B-tree searches to gather.
 *
 * Policy: least recently used out first, strictly `MAX_FORKS` forks and `MAX_CACHED_EXTENTS`
 * extents. What fell out is gathered from the image again.
 */
import type { ByteSource } from "../../source/byte-source.js";
import type { NodeId } from "../volume.js";

const MAX_FORKS = 1024;
const MAX_CACHED_EXTENTS = 1_000_000;

/** A fork, and what it costs to keep: its extents, or chunks decoded. */
export interface OpenFork {
  source: ByteSource;
  weight: number;
}

export class OpenForks {
  private readonly forks = new Map<NodeId, OpenFork>();
  private weight = 0;
  /** The last one asked for: reads come in runs. */
  private lastNode: NodeId = 0;
  private lastSource: ByteSource | undefined;

  constructor(private readonly open: (node: NodeId) => OpenFork) {}

  get(node: NodeId): ByteSource {
    if (node === this.lastNode && this.lastSource !== undefined) return this.lastSource;
    let fork = this.forks.get(node);
    if (fork === undefined) {
      fork = this.open(node);
      this.weight += fork.weight;
    } else this.forks.delete(node);
    this.forks.set(node, fork);
    for (const [oldest, old] of this.forks) {
      if (this.forks.size <= MAX_FORKS && this.weight <= MAX_CACHED_EXTENTS) break;
      if (oldest === node) break;
      this.forks.delete(oldest);
      this.weight -= old.weight;
    }
    this.lastNode = node;
    this.lastSource = fork.source;
    return fork.source;
  }
}
