/**
 * Which directory each directory lies in, so that every walk of the tree comes to an end.
 *
 * UDF forbids a second entry for a directory (UDF 2.3.4.3), but an image may have one, and thereby a
 * cycle. A directory names its parent, and an entry there counts; all others do not. Some writers
 * name the wrong parent (the root for all): where the named one has no such entry, the first that
 * has one counts, found by walking the whole tree, once.
 */
import { ImageError } from "../../errors.js";
import { type NodeId, ROOT_NODE } from "../volume.js";
import type { Objects } from "./objects.js";

/** Of the walk over a tree with wrong parents: directories kept, entries looked at. */
const MAX_DIRECTORIES = 1_000_000;
const MAX_ENTRIES = 16_000_000;

export class DirectoryTree {
  /** First directory with an entry for it, by directory; made when it is first needed. */
  private firstClaims: Map<NodeId, NodeId> | undefined;

  constructor(private readonly objects: Objects) {}

  /** Whether `child`, a directory with an entry in `directory`, is shown there. */
  belongs(child: NodeId, directory: NodeId): boolean {
    if (child === ROOT_NODE || child === directory) return false;
    if (this.named(child) === directory) return true;
    return this.parent(child) === directory;
  }

  /** The root's is the root; 0 where nothing leads to the directory. */
  parent(directory: NodeId): NodeId {
    if (directory === ROOT_NODE) return ROOT_NODE;
    const named = this.named(directory);
    if (named !== 0 && named !== directory && this.has(named, directory)) return named;
    this.firstClaims ??= this.walk();
    return this.firstClaims.get(directory) ?? 0;
  }

  /** The parent that a directory names; 0 where it is unreadable. */
  private named(directory: NodeId): NodeId {
    try {
      const { parent } = this.objects.directory(directory);
      return parent === undefined ? 0 : this.objects.nodeOf(parent);
    } catch (error) {
      if (error instanceof ImageError && error.kind !== "host-io") return 0;
      throw error;
    }
  }

  private has(directory: NodeId, child: NodeId): boolean {
    for (const entry of this.subdirectories(directory)) if (entry === child) return true;
    return false;
  }

  private *subdirectories(directory: NodeId): Generator<NodeId> {
    try {
      const entry = this.objects.directory(directory).walk(0);
      while (entry.step()) {
        if (entry.isDirectory) yield this.objects.nodeOf(entry.icb);
      }
    } catch (error) {
      // A damaged directory leads to nothing further.
      if (!(error instanceof ImageError) || error.kind === "host-io") throw error;
    }
  }

  private walk(): Map<NodeId, NodeId> {
    const claims = new Map<NodeId, NodeId>([[ROOT_NODE, ROOT_NODE]]);
    let entries = 0;
    // A Map is walked in the order of insertion, what is inserted meanwhile included.
    for (const directory of claims.keys()) {
      for (const child of this.subdirectories(directory)) {
        if (++entries > MAX_ENTRIES || claims.size >= MAX_DIRECTORIES) return claims;
        if (!claims.has(child)) claims.set(child, directory);
      }
    }
    return claims;
  }
}
