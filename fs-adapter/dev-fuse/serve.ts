/**
 * The serving loop: read a request into the slot, answer it, until the mount is gone. Runs on
 * threads of its own, because read(2) blocks until a request comes.
 */
import { readSync } from "node:fs";
import type { Volume } from "../../image-core/filesystem/volume.js";
import { IN_HEADER_SIZE, REQUEST_SIZE } from "./abi.js";
import { BusyPoll } from "./busy-poll.js";
import { Dispatcher, type DispatcherOptions } from "./dispatcher.js";
import { FilesAhead } from "./files-ahead.js";
import { ListingAhead } from "./listing-ahead.js";
import { resend } from "./resend.js";
import { MAX_SLOTS, Slot } from "./slot.js";

export interface ServeOptions extends DispatcherOptions {
  /** /dev/fuse, mounted. */
  fuse: number;
  /** Memfd of the slots, and which of them is this thread's. */
  slots: number;
  slotIndex: number;
  /**
   * An earlier server was serving this connection: the requests that its threads held come first.
   * For the first thread alone, and before any other begins.
   */
  resume: boolean;
  /** All that an earlier server held is answered: other threads may use their slots. */
  onReady(): void;
  /** A server died lately: what is done ahead lies in no slot, so nothing is. */
  cautious: boolean;
  /** Of STORE_QUEUE_SIZE, if small files are to be read ahead, which one thread does. */
  storeQueue?: SharedArrayBuffer;
  /** Files are queued that nobody hands to the kernel. */
  onStores(): void;
  /** Does a little of what may be asked soon; false if there is nothing to do. */
  workAhead(): boolean;
}

/** Returns when the filesystem was unmounted. Throws if /dev/fuse fails in another way. */
export function serve(volume: Volume, options: ServeOptions): void {
  const { fuse } = options;
  const slot = new Slot(options.slots, options.slotIndex);
  const { storeQueue, counters, onStores } = options;
  const filesAhead = storeQueue && new FilesAhead(volume, storeQueue, counters, onStores);
  const listingAhead = options.cautious
    ? undefined
    : new ListingAhead(volume, fuse, filesAhead, counters);
  const dispatcher = new Dispatcher(volume, slot, fuse, filesAhead, listingAhead, options);
  if (options.resume) {
    answerSlots(options, slot, dispatcher);
    // After the slots: what they held is answered and must not come twice.
    resend(fuse);
  }
  options.onReady();
  const busyPoll = new BusyPoll(fuse);
  for (;;) {
    let length: number;
    if (listingAhead?.isWanted && !busyPoll.asked()) listingAhead.prepare();
    while ((filesAhead?.step() || options.workAhead()) && !busyPoll.asked()) {}
    busyPoll.look();
    try {
      length = readSync(fuse, slot.bytes, 0, REQUEST_SIZE, null);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // ENOENT: the request was interrupted before it was read.
      if (code === "EINTR" || code === "ENOENT" || code === "EAGAIN") continue;
      if (code === "ENODEV") return;
      throw error;
    }
    busyPoll.woken();
    if (length === 0) return;
    if (length < IN_HEADER_SIZE) throw new Error(`/dev/fuse: a request of ${length} bytes`);
    dispatcher.handle();
  }
}

/** Answers what the threads of an earlier server held, one after the other. */
function answerSlots(options: ServeOptions, own: Slot, dispatcher: Dispatcher): void {
  const others: Slot[] = [];
  for (let index = 0; index < MAX_SLOTS; index++) {
    if (index === options.slotIndex) continue;
    const other = new Slot(options.slots, index);
    if (!other.occupied) continue;
    other.wait();
    others.push(other);
  }
  if (own.occupied) dispatcher.handle();
  for (const other of others) {
    own.takeOver(other);
    dispatcher.handle();
  }
}
