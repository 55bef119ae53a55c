/**
 * Reading ahead across files. The kernel reads ahead within a file; a program that copies, packs or
 * searches a folder of small ones waits for each of them. Whoever reads files in the order of their
 * listing finds those that follow in the kernel's page cache: as many as it has read so far, then
 * twice as many, and so on.
 *
 * The first file behind such a window is not stored: that it is asked for tells that the reader
 * goes on. Who stops, or jumps, has cost one window at most.
 */
import type { NodeId, Volume } from "../../image-core/filesystem/volume.js";
import { Counter, markBusy, markIdle } from "../counters.js";
import { monotonicMilliseconds } from "../system/monotonic.js";
import { Opcode } from "./abi.js";
import { Listing } from "./listing.js";
import { StoreQueueWriter } from "./store-queue.js";

/** Larger ones are worth a request of their own. */
const MAX_FILE_BYTES = 128 * 1024;
/** Directories read at the same time: a folder, and those around it. */
const MAX_LISTINGS = 4;
/** Files read one after the other before the next ones are expected. */
const TRUST_AFTER = 3;
/** In files. */
const FIRST_WINDOW = 8;
const MAX_WINDOW = 128;

export class FilesAhead {
  /** The one used last comes first. */
  private readonly listings: Listing[] = [new Listing()];
  private readonly queue: StoreQueueWriter;
  /** Files read in order, over all directories: a walk through small folders counts as one. */
  private inOrder = 0;
  private window = FIRST_WINDOW;

  /**
   * `memory`: STORE_QUEUE_SIZE bytes. `counters`: where to tell what the thread is busy with.
   * `onReaderNeeded`: files are queued and nobody stores them.
   */
  constructor(
    private readonly volume: Volume,
    memory: SharedArrayBuffer,
    private readonly counters: Float64Array,
    private readonly onReaderNeeded: () => void,
  ) {
    this.queue = new StoreQueueWriter(memory);
  }

  /**
   * Where to note what is listed of `directory` behind `cookie`; nowhere if that part of it was noted
   * already.
   */
  listing(directory: NodeId, cookie: number): Listing | undefined {
    const { listings } = this;
    let index = listings.findIndex((listing) => listing.directory === directory);
    const isNew = index < 0;
    if (isNew) {
      if (listings.length < MAX_LISTINGS) listings.push(new Listing());
      index = listings.length - 1;
    }
    this.toFront(index);
    if (isNew || cookie === 0) listings[0].begin(directory);
    else if (listings[0].cookie !== cookie) return undefined;
    return listings[0];
  }

  private toFront(index: number): void {
    const { listings } = this;
    const listing = listings[index];
    for (let i = index; i > 0; i--) listings[i] = listings[i - 1];
    listings[0] = listing;
  }

  /** Whether a file of `size` bytes is one to note. */
  suits(size: number): boolean {
    return size > 0 && size <= MAX_FILE_BYTES;
  }

  /** A reader has begun with the file `node`. */
  wasRead(node: NodeId): void {
    const { listings } = this;
    for (let i = 0; i < listings.length; i++) {
      const standing = listings[i].wasRead(node);
      if (standing === "unknown") continue;
      if (i > 0) this.toFront(i);
      if (standing === "next") this.goOn();
      else if (standing === "elsewhere") this.startOver();
      return;
    }
  }

  private goOn(): void {
    this.inOrder++;
    if (this.inOrder < TRUST_AFTER) return;
    this.listings[0].expect(this.window);
    this.window = Math.min(this.window * 2, MAX_WINDOW);
  }

  private startOver(): void {
    this.inOrder = 0;
    this.window = FIRST_WINDOW;
  }

  /** Queues one file that will be read soon. False if there is none, or no room. */
  step(): boolean {
    const listing = this.listings[0];
    const rank = listing.wanted;
    if (rank < 0) return false;
    const size = listing.size(rank);
    const target = this.queue.reserve(size);
    if (target === undefined) return false;
    const node = listing.node(rank);
    listing.advance();
    if (this.isRead(node, target, size)) {
      this.queue.add(node, size);
      this.counters[Counter.filesAhead]++;
      if (this.queue.needsReader()) this.onReaderNeeded();
    }
    return true;
  }

  private isRead(node: NodeId, target: Uint8Array, size: number): boolean {
    const { counters } = this;
    markBusy(counters, Opcode.READ, node, monotonicMilliseconds());
    try {
      return this.volume.read(node, 0, target, this.queue.dataOffset, size) === size;
    } catch {
      // Nobody has asked for it. Who does is told, by the same error.
      return false;
    } finally {
      markIdle(counters);
    }
  }
}
