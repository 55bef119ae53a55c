/**
 * Descriptors by name, held for a supervisor that may die: /dev/fuse, slots and images of every
 * mount. While there is something to keep, a supervisor that went away is started again: nobody
 * else would wake the servers that sleep. Reads nothing, opens nothing, and ends when there is
 * nothing to keep and nobody to ask.
 */
import { closeForeign } from "../../fs-adapter/system/close-foreign.js";
import { Poller } from "../../fs-adapter/system/poller.js";
import { LatestLink } from "../server/latest-link.js";
import { DESCRIPTORS_A_PACKET, type FromKeeper, type ToKeeper } from "./messages.js";

/** Of the names of /dev/fuse; all names of one mount begin as its own does. */
const FUSE_SUFFIX = "-fuse";
/** Whoever ends a supervisor to start another does so within this time. */
const RESTART_MILLISECONDS = 1_000;
const MAX_RESTART_MILLISECONDS = 60_000;
/** With nothing to keep: another mount may come. */
const IDLE_MILLISECONDS = 60_000;

export class Keeper {
  private readonly poller = new Poller();
  private readonly kept = new Map<string, number>();
  private readonly supervisor: LatestLink<ToKeeper, FromKeeper>;
  private idle: NodeJS.Timeout | undefined;

  constructor(
    /** A unix seqpacket socket. */
    listener: number,
    private readonly startSupervisor: () => void,
  ) {
    this.supervisor = new LatestLink(this.poller, listener, {
      connected: () => this.stopWatching(),
      received: (message, descriptors) => this.receive(message, descriptors),
      gone: () => {
        if (this.kept.size === 0) return this.end();
        this.watchMounts();
        this.replaceSupervisor(RESTART_MILLISECONDS);
      },
    });
    this.supervisor.accept();
  }

  private receive(message: ToKeeper, descriptors: number[]): void {
    clearTimeout(this.idle);
    if (message.type === "give") this.give();
    else if (message.type === "forget") this.forget(message.name);
    else for (const name of message.names) this.keep(name, descriptors.shift());
    closeForeign(descriptors);
    if (this.kept.size === 0) this.idle = setTimeout(() => this.end(), IDLE_MILLISECONDS);
  }

  private keep(name: string, fd: number | undefined): void {
    if (fd === undefined) return;
    this.forget(name);
    this.kept.set(name, fd);
  }

  /**
   * For no event but the error that the connection of an unmounted filesystem shows. Only while
   * there is no supervisor to tell: the kernel wakes whoever watches /dev/fuse at each request.
   */
  private watchMounts(): void {
    for (const [name, fd] of this.kept) {
      if (name.endsWith(FUSE_SUFFIX)) this.poller.watch(fd, 0, () => this.unmounted(name));
    }
  }

  private stopWatching(): void {
    for (const fd of this.kept.values()) this.poller.unwatch(fd);
  }

  /** Unless another comes by itself meanwhile; one that does not come is tried again, later. */
  private replaceSupervisor(pause: number): void {
    setTimeout(() => {
      if (this.supervisor.isThere) return;
      this.startSupervisor();
      this.replaceSupervisor(Math.min(pause * 2, MAX_RESTART_MILLISECONDS));
    }, pause);
  }

  private unmounted(fuse: string): void {
    const mount = fuse.slice(0, -FUSE_SUFFIX.length);
    for (const name of this.kept.keys()) if (name.startsWith(`${mount}-`)) this.forget(name);
    if (this.kept.size > 0) return;
    // What else is left of it, a folder that was made for it and its record, is not ours to remove.
    this.startSupervisor();
    this.end();
  }

  private forget(name: string): void {
    const fd = this.kept.get(name);
    if (fd === undefined) return;
    this.poller.unwatch(fd);
    closeForeign([fd]);
    this.kept.delete(name);
  }

  private give(): void {
    const all = [...this.kept];
    let from = 0;
    do {
      const part = all.slice(from, from + DESCRIPTORS_A_PACKET);
      from += DESCRIPTORS_A_PACKET;
      const names = part.map(([name]) => name);
      const last = from >= all.length;
      this.supervisor.send(
        { type: "given", pid: process.pid, names, last },
        part.map(([, fd]) => fd),
      );
    } while (from < all.length);
  }

  private end(): void {
    this.poller.close();
    process.exit(0);
  }
}
