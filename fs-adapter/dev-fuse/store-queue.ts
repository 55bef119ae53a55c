/**
 * FUSE_NOTIFY_STORE messages on their way from a serving thread, which knows what will be read, to
 * the thread that hands them to the kernel. One writer, one reader, a ring in shared memory.
 *
 * The kernel locks the page that a message is for, and a page that somebody waits for is locked
 * until its READ is answered: a serving thread that handed messages over by itself could wait for
 * its own answer for ever.
 */
import { OUT_HEADER_SIZE } from "./abi.js";

/** A power of two: places are counted on, beyond 2 ** 31, and cut to it. */
const RING_BYTES = 1024 * 1024;

/** In 32-bit words from the start of the memory. */
const Word = {
  /** Bytes ever put in, and ever taken out. */
  written: 0,
  taken: 1,
  /** 1 while the reader sleeps until `written` changes. */
  asleep: 2,
  /** 1 from when a reader is asked for until it leaves for want of work. */
  reader: 3,
} as const;
const RING_OFFSET = 64;
export const STORE_QUEUE_SIZE = RING_OFFSET + RING_BYTES;

/** fuse_notify_code: puts data into the page cache of a file. */
const FUSE_NOTIFY_STORE = 4;
/** fuse_out_header and struct fuse_notify_store_out. */
const STORE_HEADER_SIZE = OUT_HEADER_SIZE + 24;
/** Instead of a message's length: the next one is at the ring's start. */
const AGAIN_FROM_START = 0;

function aligned(length: number): number {
  return (length + 7) & ~7;
}

class StoreQueue {
  protected readonly state: Int32Array;
  protected readonly ring: Buffer;
  protected readonly words: Uint32Array;

  constructor(memory: SharedArrayBuffer) {
    this.state = new Int32Array(memory, 0, RING_OFFSET / 4);
    this.ring = Buffer.from(memory, RING_OFFSET, RING_BYTES);
    this.words = new Uint32Array(memory, RING_OFFSET, RING_BYTES / 4);
  }

  protected place(count: number): number {
    return count & (RING_BYTES - 1);
  }
}

export class StoreQueueWriter extends StoreQueue {
  private at = 0;

  /** Where `length` bytes of data may be put for `add`; undefined if there is no room. */
  reserve(length: number): Buffer | undefined {
    const { state, words } = this;
    const total = STORE_HEADER_SIZE + aligned(length);
    const written = state[Word.written];
    const used = (written - Atomics.load(state, Word.taken)) | 0;
    const at = this.place(written);
    const left = RING_BYTES - at;
    if (total <= left) {
      if (used + total > RING_BYTES) return undefined;
      this.at = at;
    } else {
      if (used + left + total > RING_BYTES) return undefined;
      words[at >> 2] = AGAIN_FROM_START;
      Atomics.store(state, Word.written, (written + left) | 0);
      this.at = 0;
    }
    return this.ring;
  }

  /** Where in the reserved buffer the data belongs. */
  get dataOffset(): number {
    return this.at + STORE_HEADER_SIZE;
  }

  /** The reserved place holds the first `length` bytes of file `node`. */
  add(node: number, length: number): void {
    const { state, words } = this;
    const i = this.at >> 2;
    words[i] = STORE_HEADER_SIZE + length;
    words[i + 1] = FUSE_NOTIFY_STORE;
    words[i + 2] = 0; // unique: nobody asked
    words[i + 3] = 0;
    words[i + 4] = node;
    words[i + 5] = node / 2 ** 32;
    words[i + 6] = 0; // offset
    words[i + 7] = 0;
    words[i + 8] = length;
    words[i + 9] = 0;
    const total = STORE_HEADER_SIZE + aligned(length);
    Atomics.store(state, Word.written, (state[Word.written] + total) | 0);
    if (Atomics.load(state, Word.asleep) === 1) Atomics.notify(state, Word.written);
  }

  /** Whether nobody takes messages, and nobody is on the way: asks once. */
  needsReader(): boolean {
    return Atomics.compareExchange(this.state, Word.reader, 0, 1) === 0;
  }
}

export class StoreQueueReader extends StoreQueue {
  /**
   * Hands each message to `take`: `length` bytes of `ring`, from `at`. Returns when there was none
   * for `patience` milliseconds: another reader may be asked for then. If `take` throws, none is.
   */
  drain(patience: number, take: (ring: Buffer, at: number, length: number) => void): void {
    const { state, words, ring } = this;
    let taken = state[Word.taken];
    for (;;) {
      const written = Atomics.load(state, Word.written);
      if (written === taken) {
        Atomics.store(state, Word.asleep, 1);
        const end = Atomics.wait(state, Word.written, written, patience);
        Atomics.store(state, Word.asleep, 0);
        if (end === "timed-out") break;
        continue;
      }
      const at = this.place(taken);
      const length = words[at >> 2];
      if (length === AGAIN_FROM_START) taken = (taken + RING_BYTES - at) | 0;
      else {
        take(ring, at, length);
        taken = (taken + aligned(length)) | 0;
      }
      Atomics.store(state, Word.taken, taken);
    }
    Atomics.store(state, Word.reader, 0);
  }
}
