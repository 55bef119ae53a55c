/** libfuse 2 speaks in paths: finds the node of each, and remembers the last few thousand. */
import { type NodeId, ROOT_NODE, type Volume } from "../../image-core/filesystem/volume.js";

/** Least recently added out first: a wrong guess costs one walk from the root. */
const MAX_REMEMBERED = 10_000;

export class PathTable {
  private readonly nodes = new Map<string, NodeId>();

  constructor(private readonly volume: Volume) {}

  /** 0 where there is no such path. */
  node(path: string): NodeId {
    if (path === "/") return ROOT_NODE;
    const known = this.nodes.get(path);
    if (known !== undefined) return known;
    const slash = path.lastIndexOf("/");
    const directory = this.node(slash <= 0 ? "/" : path.slice(0, slash));
    if (directory === 0) return 0;
    const node = this.volume.lookup(directory, path.slice(slash + 1));
    if (node !== 0) this.remember(path, node);
    return node;
  }

  private remember(path: string, node: NodeId): void {
    if (this.nodes.size >= MAX_REMEMBERED) {
      for (const oldest of this.nodes.keys()) {
        this.nodes.delete(oldest);
        break;
      }
    }
    this.nodes.set(path, node);
  }
}
