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
import { type FromServer, LISTENER_FD, type ServerConfig, type ToServer } from "./messages.js";
import { PacketLink } from "./packet-link.js";
import type { FromThread, ThreadStart, ToThread } from "./thread-messages.js";

const config = JSON.parse(process.argv[2]) as ServerConfig;
const poller = new Poller();
const counters = new Float64Array(new SharedArrayBuffer(COUNTERS_SIZE));
const answered = new Int32Array(new SharedArrayBuffer(4));
const answers = new MessageChannel();

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
  process.exit(0);
}

function tell(message: FromServer): void {
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
    });
    if (unsent !== undefined) link.send(unsent);
    unsent = undefined;
  }
  poller.watch(LISTENER_FD, POLLIN, acceptSupervisor);
}

function receive(message: ToServer, descriptors: number[]): void {
  switch (message.type) {
    case "supply":
      answers.port1.postMessage({ ...message, fd: descriptors[0] });
      Atomics.add(answered, 0, 1);
      Atomics.notify(answered, 0);
      return;
    case "serve": {
      const [fuse, slots] = descriptors;
      thread.postMessage({ ...message, fuse, slots } satisfies ToThread);
      return;
    }
    case "serve-native":
      throw new Error("this server does not mount by itself");
    case "ping":
      for (const fd of descriptors) close(fd);
      tell({ type: "pong", counters: readCounters(counters), busyMilliseconds: busy() });
  }
}

/** How long the serving thread has been at the request in hand. */
function busy(): number {
  if (counters[Counter.opcode] === 0) return 0;
  return Math.max(0, Date.now() - counters[Counter.since]);
}

acceptSupervisor();
