/**
 * Which directory a program that walks a tree lists next: depth first, each directory's own in the
 * order of its listing, as find, du, tar and file managers that search do.
 */
import type { NodeId } from "../../image-core/filesystem/volume.js";

/** Directories that are noted; those behind are not expected. */
const MAX_DIRECTORIES = 65_536;
const MAX_DEPTH = 64;
const FIRST_CAPACITY = 64;

export class TreeWalk {
  /** The directory listed last, and its last entry that was noted. */
  private directory: NodeId = 0;
  private cookie = 0;
  /** The directories in each one on the way down to it, level by level. */
  private nodes = new Float64Array(FIRST_CAPACITY);
  private count = 0;
  /** Where each level begins in `nodes`, and which of it comes next. */
  private readonly starts: number[] = [];
  private readonly nexts: number[] = [];

  /** `directory` is listed from behind `cookie`. Returns whether what is found there is to be noted. */
  begin(directory: NodeId, cookie: number): boolean {
    if (cookie === 0) this.enter(directory);
    return directory === this.directory && cookie === this.cookie;
  }

  /** A directory in the one that is listed. */
  add(node: NodeId): void {
    if (this.count === MAX_DIRECTORIES) return;
    if (this.count === this.nodes.length) {
      const { nodes } = this;
      this.nodes = new Float64Array(nodes.length * 4);
      this.nodes.set(nodes);
    }
    this.nodes[this.count++] = node;
  }

  /** All directories up to the entry of `cookie` are added. */
  leaveOff(cookie: number): void {
    this.cookie = cookie;
  }

  /** The directory that is expected to be listed behind the last one; 0 for none. */
  get next(): NodeId {
    for (let level = this.starts.length - 1; level >= 0; level--) {
      if (this.nexts[level] < this.end(level)) return this.nodes[this.nexts[level]];
    }
    return 0;
  }

  private enter(directory: NodeId): void {
    const { starts, nexts } = this;
    let level = starts.length - 1;
    let place = -1;
    while (level >= 0) {
      place = this.nodes.subarray(starts[level], this.end(level)).indexOf(directory);
      if (place >= 0) break;
      level--;
    }
    if (level < 0 || level + 1 === MAX_DEPTH) this.truncate(0);
    else {
      nexts[level] = starts[level] + place + 1;
      this.truncate(level + 1);
    }
    starts.push(this.count);
    nexts.push(this.count);
    this.directory = directory;
    this.cookie = 0;
  }

  /** Forgets the levels from this one down. */
  private truncate(level: number): void {
    if (level < this.starts.length) this.count = this.starts[level];
    this.starts.length = level;
    this.nexts.length = level;
  }

  private end(level: number): number {
    return level + 1 < this.starts.length ? this.starts[level + 1] : this.count;
  }
}
