/**
 * Where a serving thread keeps the request it is working on: 8 KiB of a memfd that the supervisor
 * holds too. The kernel writes the request straight into it; it is cleared after the answer. A
 * server that dies leaves its request there, and the next one answers it.
 */
import { check, mmap, munmap, view } from "../system/libc.js";
import { IN_HEADER_SIZE, InHeader, REQUEST_SIZE } from "./abi.js";

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;

/** Slots in one memfd: more serving threads than that are never started. */
export const MAX_SLOTS = 8;
export const SLOTS_SIZE = MAX_SLOTS * REQUEST_SIZE;

/** In the header's padding, which the kernel leaves zero. */
const WAITING = 2 ** 31;

/** Whether the request waits for a server that is still busy with an earlier server's others. */
export function isWaiting(words: Uint32Array): boolean {
  return words[InHeader.padding] >= WAITING;
}

export class Slot {
  /** The request as bytes and as words: two views of the same memory. */
  readonly bytes: Buffer;
  readonly words: Uint32Array;
  private readonly address: unknown;

  /** `fd`: the memfd, at least SLOTS_SIZE long. `index`: the serving thread, from 0. */
  constructor(fd: number, index: number) {
    this.address = mmap(
      null,
      REQUEST_SIZE,
      PROT_READ | PROT_WRITE,
      MAP_SHARED,
      fd,
      index * REQUEST_SIZE,
    );
    if (this.address === null) check(-1, "mmap");
    const memory = view(this.address, REQUEST_SIZE);
    this.bytes = Buffer.from(memory);
    this.words = new Uint32Array(memory);
  }

  /** A request that an earlier server read and did not answer. */
  get occupied(): boolean {
    return this.words[InHeader.len] >= IN_HEADER_SIZE;
  }

  clear(): void {
    this.words[InHeader.len] = 0;
  }

  /** Nothing of it may be touched from here on. */
  unmap(): void {
    check(munmap(this.address, REQUEST_SIZE), "munmap");
  }

  /** Marks the request as not begun: it is not what kills this server, if something does. */
  wait(): void {
    this.words[InHeader.padding] |= WAITING;
  }

  /** Takes another slot's request over. If the server dies halfway, it is answered twice. */
  takeOver(other: Slot): void {
    this.bytes.set(other.bytes);
    this.words[InHeader.padding] &= ~WAITING;
    other.clear();
  }
}
