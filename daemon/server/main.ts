/**
 * A server: the process that reads one image and answers for one mount. It holds descriptors only
 * and runs in a sandbox without files of its own.
 *
 * This main thread does nothing but carry messages between the supervisor and the serving thread,
 * which is blocked in read(2) most of its life, and tell how long that thread has been busy.
 */
import { writeSync } from "node:fs";
import { MessageChannel, Worker } from "node:worker_threads";
import { COUNTERS_SIZE, Counter, readCounters } from "../../fs-adapter/counters.js";
import { close } from "../../fs-adapter/system/libc.js";
import { POLLIN, Poller } from "../../fs-adapter/system/poller.js";
import { acceptUnix } from "../../fs-adapter/system/unix-socket.js";
import type { Need } from "../rpc/protocol.js";
import {
  type FromServer,
  type GivenNeed,
  IMAGE_FD,
  LISTENER_FD,
  type ServerConfig,
  type ToServer,
} from "./messages.js";
import { PacketLink } from "./packet-link.js";
import type { FromThread, ThreadStart, ToThread } from "./thread-messages.js";

/** Descriptors and names of so many fit one packet. */
const NEEDS_A_PACKET = 64;

const config = JSON.parse(process.argv[2]) as ServerConfig;
const poller = new Poller();
const counters = new Float64Array(new SharedArrayBuffer(COUNTERS_SIZE));
const answered = new Int32Array(new SharedArrayBuffer(4));
const answers = new MessageChannel();

/** What a later supervisor has to be given: the kernel's connection and slots, and every need met. */
let mounted: [fuse: number, slots: number] | undefined;
const met: (GivenNeed & { fd?: number })[] = [];
let asked: Need | undefined;

let link: PacketLink<ToServer, FromServer> | undefined;
/** Said while no supervisor listened: the next one hears it first. */
let unsent: FromServer | undefined;

const start: ThreadStart = { config, counters, answered, answers: answers.port2 };
const thread = new Worker(new URL("./serving-thread.js", import.meta.url), {
  workerData: start,
  transferList: [answers.port2],
});
thread.on("message", (message: FromThread) => {
  tell(message);
  if (message.type === "unmounted") setImmediate(end);
});
thread.on("error", (error) => {
  // Without its thread the server is of no use: the supervisor starts another.
  writeSync(2, `serving thread: ${error.stack}\n`);
  process.exit(70);
});

/** A thread of the pool waits in poll(2), and exit waits for the pool: it is woken first. */
function end(): void {
  poller.close();
  // The serving thread may wait for an answer that nobody will give.
  Atomics.add(answered, 0, 1);
  Atomics.notify(answered, 0);
  process.exit(0);
}

function tell(message: FromServer): void {
  if (message.type === "need") asked = message.need;
  if (link === undefined) unsent = message;
  else link.send(message);
}

/** One supervisor at a time; a new one replaces the old, which is dead or about to be. */
function acceptSupervisor(): void {
  const fd = acceptUnix(LISTENER_FD);
  if (fd !== undefined) {
    link?.close();
    link = new PacketLink(poller, fd, receive, () => {
      link = undefined;
      // A mount outlives its supervisor; an image that was only being opened is of use to nobody.
      if (mounted === undefined) end();
    });
    if (unsent !== undefined) link.send(unsent);
    unsent = undefined;
  }
  poller.watch(LISTENER_FD, POLLIN, acceptSupervisor);
}

function receive(message: ToServer, descriptors: number[]): void {
  switch (message.type) {
    case "supply":
      remember(message, descriptors[0]);
      answers.port1.postMessage({ ...message, fd: descriptors[0] });
      Atomics.add(answered, 0, 1);
      Atomics.notify(answered, 0);
      return;
    case "serve": {
      const [fuse, slots] = descriptors;
      mounted = [fuse, slots];
      thread.postMessage({ ...message, fuse, slots } satisfies ToThread);
      return;
    }
    case "verify":
      thread.postMessage(message satisfies ToThread);
      return;
    case "serve-native":
      throw new Error("this server does not mount by itself");
    case "give":
      return give();
    case "ping":
      for (const fd of descriptors) close(fd);
      tell({ type: "pong", counters: readCounters(counters), busyMilliseconds: busy() });
  }
}

function remember(answer: Extract<ToServer, { type: "supply" }>, fd: number | undefined): void {
  if (asked === undefined) return;
  const { error } = answer;
  met.push({ need: asked, error, hasDescriptor: fd !== undefined, fd });
  asked = undefined;
}

/** In packets of as many needs as surely fit one, with the descriptors of each. */
function give(): void {
  if (mounted === undefined) return;
  let head = [...mounted, IMAGE_FD];
  let from = 0;
  do {
    const part = met.slice(from, from + NEEDS_A_PACKET);
    from += NEEDS_A_PACKET;
    const fds = part.flatMap(({ fd }) => (fd === undefined ? [] : [fd]));
    const needs = part.map(({ fd: _, ...need }) => need);
    link?.send({ type: "given", met: needs, last: from >= met.length }, [...head, ...fds]);
    head = [];
  } while (from < met.length);
}

/** How long the serving thread has been at the request in hand. */
function busy(): number {
  if (counters[Counter.opcode] === 0) return 0;
  return Math.max(0, Date.now() - counters[Counter.since]);
}

acceptSupervisor();
