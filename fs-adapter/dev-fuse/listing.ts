/**
 * The small files of one directory, as they were listed, and how far a reader of them has come.
 *
 * Most programs read in the order of the listing; `cp -r` and GLib sort it by inode number first.
 * Which of the two it is shows when a file is read that does not come next.
 */
import type { NodeId } from "../../image-core/filesystem/volume.js";

/** In files; those behind are not expected. */
const MAX_FILES = 65_536;
const FIRST_CAPACITY = 64;
/** How far behind the next file one is looked for. */
const REACH = 16;
/** Unexpected files that are looked for in all of the listing, before it is left alone. */
const MAX_SURPRISES = 4;

/** Where a file stands that was read: what was expected, already on its way, or out of order. */
export type Standing = "next" | "under way" | "elsewhere" | "unknown";

export class Listing {
  directory: NodeId = 0;
  /** Of the last entry that was listed: up to there, all files are noted. */
  cookie = 0;
  private nodes = new Float64Array(FIRST_CAPACITY);
  private numbers = new Float64Array(FIRST_CAPACITY);
  private sizes = new Uint32Array(FIRST_CAPACITY);
  private count = 0;
  /** Places in the arrays by inode number, once files turned out to be read in that order. */
  private byNumber: Uint32Array | undefined;
  private surprises = 0;
  /** Ranks in the order of reading: what was read last, what is to be stored next, what then is left. */
  private last = -1;
  private next = 0;
  private end = 0;

  begin(directory: NodeId): void {
    this.directory = directory;
    this.cookie = 0;
    this.count = 0;
    this.byNumber = undefined;
    this.surprises = 0;
    this.goTo(-1);
  }

  private goTo(rank: number): void {
    this.last = rank;
    this.next = rank + 1;
    this.end = rank + 1;
  }

  add(node: NodeId, number: number, size: number): void {
    const { count } = this;
    if (count === MAX_FILES) return;
    if (count === this.nodes.length) this.grow();
    this.nodes[count] = node;
    this.numbers[count] = number;
    this.sizes[count] = size;
    this.count++;
    this.byNumber = undefined;
  }

  private grow(): void {
    const capacity = this.nodes.length * 4;
    const { nodes, numbers, sizes } = this;
    this.nodes = new Float64Array(capacity);
    this.nodes.set(nodes);
    this.numbers = new Float64Array(capacity);
    this.numbers.set(numbers);
    this.sizes = new Uint32Array(capacity);
    this.sizes.set(sizes);
  }

  /** Takes note that `node` was read. */
  wasRead(node: NodeId): Standing {
    const rank = this.nearby(node);
    if (rank < 0) return this.lookEverywhere(node);
    const standing = rank === this.end ? "next" : rank < this.end ? "under way" : "elsewhere";
    if (standing === "under way") {
      this.last = rank;
      this.next = Math.max(this.next, rank + 1);
    } else this.goTo(rank);
    return standing;
  }

  private nearby(node: NodeId): number {
    const { last, end } = this;
    if (this.node(end) === node) return end;
    const to = Math.min(end + REACH, this.count);
    for (let rank = last + 1; rank < to; rank++) if (this.node(rank) === node) return rank;
    return -1;
  }

  private lookEverywhere(node: NodeId): Standing {
    if (this.surprises === MAX_SURPRISES) return "unknown";
    const place = this.nodes.subarray(0, this.count).indexOf(node);
    if (place < 0) return "unknown";
    this.surprises++;
    const { numbers } = this;
    this.byNumber ??= Uint32Array.from({ length: this.count }, (_, i) => i).sort(
      (a, b) => numbers[a] - numbers[b],
    );
    this.goTo(this.byNumber.indexOf(place));
    return "elsewhere";
  }

  /** From here on the `window` files that come next are to be stored. */
  expect(window: number): void {
    this.end = Math.min(this.end + window, this.count);
  }

  /** The rank of the file to store next; -1 if none is. */
  get wanted(): number {
    return this.next < this.end ? this.next : -1;
  }

  /** The wanted file is taken care of. */
  advance(): void {
    this.next++;
  }

  private place(rank: number): number {
    return this.byNumber === undefined ? rank : this.byNumber[rank];
  }

  /** 0 behind the last. */
  node(rank: number): NodeId {
    return rank < this.count ? this.nodes[this.place(rank)] : 0;
  }

  size(rank: number): number {
    return this.sizes[this.place(rank)];
  }
}
