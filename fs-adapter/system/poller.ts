/**
 * Waits for many descriptors with poll(2) on one thread of libuv's pool, so that the main thread
 * stays free and no descriptor has to be one that Node knows how to wait for (/dev/fuse,
 * sockets that carry descriptors).
 *
 * One-shot: a descriptor that was reported is not watched again until it is re-armed.
 */
import { readSync, writeSync } from "node:fs";
import { check, close, eventfd, inBackground, poll } from "./libc.js";

export const POLLIN = 0x001;
export const POLLPRI = 0x002;
export const POLLOUT = 0x004;
export const POLLERR = 0x008;
export const POLLHUP = 0x010;

const EFD_NONBLOCK = 0o4000;
const EFD_CLOEXEC = 0o2000000;
/** struct pollfd: fd, events (16 bit), revents (16 bit). */
const POLLFD_SIZE = 8;

interface Watch {
  events: number;
  ready: (revents: number) => void;
}

export class Poller {
  private readonly watches = new Map<number, Watch>();
  /** Interrupts the wait when what is watched has changed. */
  private readonly wake = check(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd");
  private waiting = false;
  private closed = false;

  /** Calls `ready` once, when `fd` has any of `events` (or an error or hang-up). */
  watch(fd: number, events: number, ready: (revents: number) => void): void {
    this.watches.set(fd, { events, ready });
    this.changed();
  }

  /** Must come before `fd` is closed. */
  unwatch(fd: number): void {
    if (this.watches.delete(fd)) this.changed();
  }

  close(): void {
    this.closed = true;
    this.watches.clear();
    this.changed();
  }

  private changed(): void {
    if (this.waiting) writeSync(this.wake, new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]));
    else if (!this.closed) this.wait();
    else close(this.wake);
  }

  private wait(): void {
    const fds = [...this.watches.keys()];
    const table = Buffer.alloc((fds.length + 1) * POLLFD_SIZE);
    table.writeInt32LE(this.wake, 0);
    table.writeInt16LE(POLLIN, 4);
    fds.forEach((fd, index) => {
      const at = (index + 1) * POLLFD_SIZE;
      table.writeInt32LE(fd, at);
      table.writeInt16LE((this.watches.get(fd) as Watch).events, at + 4);
    });
    this.waiting = true;
    inBackground(poll, "poll", table, fds.length + 1, -1)
      // EINTR: look again.
      .catch(() => 0)
      .then(() => {
        this.waiting = false;
        this.drain(table);
        this.report(fds, table);
        if (this.closed) close(this.wake);
        else if (!this.waiting) this.wait();
      });
  }

  private drain(table: Buffer): void {
    if (table.readInt16LE(6) !== 0) readSync(this.wake, new Uint8Array(8), 0, 8, null);
  }

  private report(fds: number[], table: Buffer): void {
    fds.forEach((fd, index) => {
      const revents = table.readInt16LE((index + 1) * POLLFD_SIZE + 6);
      const watch = this.watches.get(fd);
      // An earlier callback of this round may have dropped or replaced it: then it is asked again.
      if (revents === 0 || watch === undefined) return;
      this.watches.delete(fd);
      watch.ready(revents);
    });
  }
}
