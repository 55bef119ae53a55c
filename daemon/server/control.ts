/**
 * The control side of a server: carries messages between the supervisor and the serving threads,
 * keeps what a later supervisor must be given, and tells how long those threads have been busy.
 */
import { busyMilliseconds } from "../../fs-adapter/counters.js";
import { close, mallocTrim } from "../../fs-adapter/system/libc.js";
import { Poller } from "../../fs-adapter/system/poller.js";
import type { Need } from "../rpc/protocol.js";
import { LatestLink } from "./latest-link.js";
import { type FromServer, LISTENER_FD, type ToServer } from "./messages.js";
import type { ServingThreads } from "./serving-threads.js";
import type { FromThread, MetNeed, OpenOrder, ThreadOrder } from "./thread-messages.js";

/** After loading and opening, malloc holds a MiB or two that nobody needs any more. */
const TRIM_AFTER_MILLISECONDS = 500;

/** Descriptors and names of so many fit one packet. */
const NEEDS_A_PACKET = 64;

export class Control {
  private readonly poller = new Poller();
  /** What a later supervisor has to be given: image, kernel's connection and slots, each need met. */
  private image: OpenOrder | undefined;
  private mounted: ThreadOrder | undefined;
  private readonly met: MetNeed[] = [];
  private asked: Need | undefined;
  private readonly supervisor = new LatestLink<ToServer, FromServer>(this.poller, LISTENER_FD, {
    connected: () => this.catchUp(),
    received: (message, descriptors) => this.receive(message, descriptors),
    gone: () => {
      // A mount outlives its supervisor; what was only being opened is of use to nobody.
      if (this.mounted === undefined) this.end();
    },
  });
  /** Said while no supervisor listened: the next one hears it first. */
  private unsent: FromServer | undefined;

  constructor(private readonly threads: ServingThreads) {
    this.supervisor.accept();
  }

  /** From a serving thread. */
  hear(message: FromThread): void {
    if (message.type === "loaded") return this.startFurther();
    if (message.type === "stores") {
      if (this.mounted !== undefined) this.threads.startStoring(this.mounted.fuse);
      return;
    }
    if (message.type === "need") this.asked = message.need;
    this.tell(message);
    if (message.type === "unmounted") setImmediate(() => this.end());
  }

  private startFurther(): void {
    const { image, mounted } = this;
    if (image === undefined || mounted === undefined) return;
    this.threads.startFurther(image, mounted, this.met, (message) => this.hear(message));
  }

  private tell(message: FromServer): void {
    if (this.supervisor.isThere) this.supervisor.send(message);
    else this.unsent = message;
  }

  private catchUp(): void {
    if (this.unsent !== undefined) this.supervisor.send(this.unsent);
    this.unsent = undefined;
  }

  /** A thread of the pool waits in poll(2), and exit waits for the pool: it is woken first. */
  private end(): void {
    this.poller.close();
    // The serving thread may wait for an answer that nobody will give.
    this.threads.wake();
    process.exit(0);
  }

  private receive(message: ToServer, descriptors: number[]): void {
    switch (message.type) {
      case "open":
        this.image = { ...message, fd: descriptors[0] };
        this.threads.order(this.image);
        return;
      case "supply":
        this.supply(message, descriptors[0]);
        return;
      case "serve": {
        const [fuse, slots] = descriptors;
        this.mounted = { ...message, fuse, slots };
        this.threads.order(this.mounted);
        setTimeout(() => mallocTrim(0), TRIM_AFTER_MILLISECONDS);
        return;
      }
      case "verify":
        this.threads.order(message);
        return;
      case "serve-native":
        throw new Error("this server does not mount by itself");
      case "give":
        this.give();
        return;
      case "ping": {
        for (const fd of descriptors) close(fd);
        const counters = this.threads.readCounters();
        this.tell({ type: "pong", counters, busyMilliseconds: busyMilliseconds(counters) });
      }
    }
  }

  private supply(answer: Extract<ToServer, { type: "supply" }>, fd: number | undefined): void {
    if (this.asked !== undefined) {
      const { error } = answer;
      this.met.push({ need: this.asked, error, hasDescriptor: fd !== undefined, fd });
      this.asked = undefined;
    }
    this.threads.answer({ ...answer, fd });
  }

  /** In packets of as many needs as surely fit one, with the descriptors of each. */
  private give(): void {
    const { image, mounted } = this;
    if (image === undefined || mounted === undefined) return;
    let head = [mounted.fuse, mounted.slots, image.fd];
    let from = 0;
    do {
      const part = this.met.slice(from, from + NEEDS_A_PACKET);
      from += NEEDS_A_PACKET;
      const fds = part.flatMap(({ fd }) => (fd === undefined ? [] : [fd]));
      const needs = part.map(({ fd: _, ...need }) => need);
      const last = from >= this.met.length;
      this.supervisor.send({ type: "given", met: needs, last }, [...head, ...fds]);
      head = [];
    } while (from < this.met.length);
  }
}
