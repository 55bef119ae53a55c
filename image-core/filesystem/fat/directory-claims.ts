/**
 * Who owns which directory. A sound volume is a tree, so the first entry that leads to a directory's
 * clusters owns it; another that leads there too (a loop, a cross-link) is left out of its listing,
 * and every walk of a hostile volume ends.
 *
 * Memory: `MAX_DIRECTORIES` claims, never given up; directories beyond are taken as they come.
 */
import type { NodeId } from "../volume.js";

const MAX_DIRECTORIES = 1 << 18;

export class DirectoryClaims {
  private readonly owners = new Map<number, NodeId>();
  private readonly parents = new Map<NodeId, NodeId>();

  /** False where `cluster` is another's, or `node` lies in another directory as well. */
  claim(cluster: number, node: NodeId, parent: NodeId): boolean {
    const owner = this.owners.get(cluster);
    const known = this.parents.get(node);
    if ((owner !== undefined && owner !== node) || (known !== undefined && known !== parent)) {
      return false;
    }
    if (this.parents.size < MAX_DIRECTORIES) {
      // Empty directories may have no cluster: all of them share 0.
      if (cluster !== 0) this.owners.set(cluster, node);
      this.parents.set(node, parent);
    }
    return true;
  }

  parentOf(node: NodeId): NodeId | undefined {
    return this.parents.get(node);
  }
}
