/**
 * The control side of a server: carries messages between the supervisor and the serving thread,
 * keeps what a later supervisor must be given, and tells how long that thread has been busy.
 */
import type { MessagePort, Worker } from "node:worker_threads";
import { Counter, readCounters } from "../../fs-adapter/counters.js";
import { close } from "../../fs-adapter/system/libc.js";
import { POLLIN, Poller } from "../../fs-adapter/system/poller.js";
import { acceptUnix } from "../../fs-adapter/system/unix-socket.js";
import type { Need } from "../rpc/protocol.js";
import {
  type FromServer,
  type GivenNeed,
  IMAGE_FD,
  LISTENER_FD,
  type ToServer,
} from "./messages.js";
import { PacketLink } from "./packet-link.js";
import type { FromThread, ToThread } from "./thread-messages.js";

/** Descriptors and names of so many fit one packet. */
const NEEDS_A_PACKET = 64;

/** The serving thread as this side sees it. */
export interface ServingThread {
  worker: Worker;
  counters: Float64Array;
  answered: Int32Array;
  /** Where the thread's answers go in. */
  answers: MessagePort;
}

export class Control {
  private readonly poller = new Poller();
  /** What a later supervisor has to be given: the kernel's connection and slots, each need met. */
  private mounted: [fuse: number, slots: number] | undefined;
  private readonly met: (GivenNeed & { fd?: number })[] = [];
  private asked: Need | undefined;
  private link: PacketLink<ToServer, FromServer> | undefined;
  /** Said while no supervisor listened: the next one hears it first. */
  private unsent: FromServer | undefined;

  constructor(private readonly thread: ServingThread) {
    this.acceptSupervisor();
  }

  /** From the serving thread. */
  hear(message: FromThread): void {
    if (message.type === "need") this.asked = message.need;
    this.tell(message);
    if (message.type === "unmounted") setImmediate(() => this.end());
  }

  private tell(message: FromServer): void {
    if (this.link === undefined) this.unsent = message;
    else this.link.send(message);
  }

  /** A thread of the pool waits in poll(2), and exit waits for the pool: it is woken first. */
  private end(): void {
    this.poller.close();
    // The serving thread may wait for an answer that nobody will give.
    this.wake();
    process.exit(0);
  }

  private wake(): void {
    Atomics.add(this.thread.answered, 0, 1);
    Atomics.notify(this.thread.answered, 0);
  }

  /** One supervisor at a time; a new one replaces the old, which is dead or about to be. */
  private acceptSupervisor(): void {
    const fd = acceptUnix(LISTENER_FD);
    if (fd !== undefined) {
      this.link?.close();
      this.link = new PacketLink(
        this.poller,
        fd,
        (message, descriptors) => this.receive(message, descriptors),
        () => {
          this.link = undefined;
          // A mount outlives its supervisor; what was only being opened is of use to nobody.
          if (this.mounted === undefined) this.end();
        },
      );
      if (this.unsent !== undefined) this.link.send(this.unsent);
      this.unsent = undefined;
    }
    this.poller.watch(LISTENER_FD, POLLIN, () => this.acceptSupervisor());
  }

  private receive(message: ToServer, descriptors: number[]): void {
    switch (message.type) {
      case "supply":
        this.supply(message, descriptors[0]);
        return;
      case "serve": {
        const [fuse, slots] = descriptors;
        this.mounted = [fuse, slots];
        this.thread.worker.postMessage({ ...message, fuse, slots } satisfies ToThread);
        return;
      }
      case "verify":
        this.thread.worker.postMessage(message satisfies ToThread);
        return;
      case "serve-native":
        throw new Error("this server does not mount by itself");
      case "give":
        this.give();
        return;
      case "ping": {
        for (const fd of descriptors) close(fd);
        const counters = readCounters(this.thread.counters);
        this.tell({ type: "pong", counters, busyMilliseconds: this.busyMilliseconds() });
      }
    }
  }

  private supply(answer: Extract<ToServer, { type: "supply" }>, fd: number | undefined): void {
    if (this.asked !== undefined) {
      const { error } = answer;
      this.met.push({ need: this.asked, error, hasDescriptor: fd !== undefined, fd });
      this.asked = undefined;
    }
    this.thread.answers.postMessage({ ...answer, fd });
    this.wake();
  }

  /** In packets of as many needs as surely fit one, with the descriptors of each. */
  private give(): void {
    if (this.mounted === undefined) return;
    let head = [...this.mounted, IMAGE_FD];
    let from = 0;
    do {
      const part = this.met.slice(from, from + NEEDS_A_PACKET);
      from += NEEDS_A_PACKET;
      const fds = part.flatMap(({ fd }) => (fd === undefined ? [] : [fd]));
      const needs = part.map(({ fd: _, ...need }) => need);
      const last = from >= this.met.length;
      this.link?.send({ type: "given", met: needs, last }, [...head, ...fds]);
      head = [];
    } while (from < this.met.length);
  }

  /** How long the serving thread has been at the request in hand. */
  private busyMilliseconds(): number {
    const { counters } = this.thread;
    if (counters[Counter.opcode] === 0) return 0;
    return Math.max(0, Date.now() - counters[Counter.since]);
  }
}
