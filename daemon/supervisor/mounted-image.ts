/**
 * One mount: its kernel connection, its slots, its image, and the server that answers for it now.
 * Servers may die; this lives until the kernel says that the filesystem is unmounted.
 */
import { opcodeName } from "../../fs-adapter/dev-fuse/abi.js";
import { Standby } from "../../fs-adapter/dev-fuse/standby.js";
import type { MountEntry } from "../../fs-adapter/mounting/mountinfo.js";
import { close } from "../../fs-adapter/system/libc.js";
import { POLLIN, type Poller } from "../../fs-adapter/system/poller.js";
import { setBlocking } from "../../fs-adapter/system/unix-socket.js";
import type { MountInfo } from "../rpc/protocol.js";
import type { FromServer } from "../server/messages.js";
import { type MountFacts, mountRecord, newHistory } from "./mount-facts.js";
import { type OpenedServer, retire } from "./opening.js";
import { isVerdict, openAnother } from "./revival.js";
import type { Server } from "./server.js";
import { ServerEnds } from "./server-ends.js";
import { ServerWatch } from "./server-watch.js";
import type { NewRecord } from "./state-record.js";
import { Statistics } from "./statistics.js";
import { isAnythingHeld, POISON_AFTER, Suspects } from "./suspects.js";

export interface MountEvents {
  /** Starts another server for the same image. */
  reopen(): Promise<OpenedServer>;
  /** Nothing more comes from the kernel: it was unmounted, or its connection was ended by force. */
  disconnected(): void;
  /** The kernel's mount is gone. Comes once; only the image's descriptors are still open. */
  unmounted(reason: string): void;
  /** No server can be kept alive: the mount must go. */
  lost(reason: string): void;
  /** What the record says has changed. */
  changed(): void;
  /** `message` goes on from the mountpoint's name. */
  happened(event: Happening, message: string): void;
  log(level: "info" | "warn", message: string): void;
}

/** What becomes of a mount between its beginning and its end. */
type Happening = "revived" | "asleep" | "awake" | "error";

export class MountedImage {
  private server: Server | undefined;
  private watch: ServerWatch | undefined;
  private readonly ends = new ServerEnds();
  private ended = false;
  /** There will be nothing to serve any more. */
  private disconnected = false;
  private readonly statistics = new Statistics();
  private usedAt = performance.now();
  /** Unmounted lazily: served until the last file is closed. */
  private detached = false;
  /** The server is told to go, and nobody is to take its place. */
  private drowsy = false;
  /** Something was asked of it while it slept. */
  private wanted = false;
  /** Answers in place of a server that sleeps. */
  private standby: Standby | undefined;
  private readonly suspects = new Suspects();

  constructor(
    readonly facts: MountFacts,
    private readonly poller: Poller,
    private readonly events: MountEvents,
    private readonly history = newHistory(),
  ) {}

  get id(): string {
    return this.facts.id;
  }

  get state(): MountInfo["state"] {
    if (this.detached) return "detached";
    if (this.server !== undefined) return "serving";
    return this.standby === undefined ? "reviving" : "asleep";
  }

  /** Takes note of where the kernel has it now. */
  locate(there: readonly MountEntry[]): void {
    const { facts } = this;
    if (facts.transport !== "dev-fuse") return;
    const ours = there.filter(({ device }) => device === facts.device);
    const wasDetached = this.detached;
    this.detached = ours.length === 0;
    if (this.detached && !wasDetached) this.watchEnd();
    if (this.detached || ours.some(({ mountpoint }) => mountpoint === facts.mountpoint)) return;
    facts.mountpoint = ours[0].mountpoint;
    this.events.changed();
  }

  /**
   * Nobody finds it any more, and it ends with the last file. Its server says so, unless that hangs or
   * does not want to. Only now: the kernel wakes whoever watches at each request.
   */
  private watchEnd(): void {
    if (this.standby === undefined && !this.ended) {
      this.poller.watch(this.facts.fuse, 0, () => this.end("unmounted"));
    }
  }

  /** Lets an opened server serve. */
  serve(opened: OpenedServer, resume: boolean): void {
    this.employ(opened.server);
    if (this.wanted) this.events.happened("awake", "has a server again, since it is used");
    else if (resume) this.events.happened("revived", "has another server");
    this.wanted = false;
    // Before it serves: the supervisor after this one must find it, or it would start a second.
    this.events.changed();
    const { overrides, maxReadBytes, fuse, slots } = this.facts;
    // A supervisor that died while the server slept has left it otherwise.
    setBlocking(fuse);
    opened.server.send(
      {
        type: "serve",
        overrides,
        maxReadBytes,
        poisoned: this.history.poisoned,
        resume,
        cautious: this.ends.isAnyRecent,
      },
      [fuse, slots],
    );
  }

  /** Takes on a server that has been serving all along. */
  adopt(server: Server): void {
    this.employ(server);
    this.events.changed();
  }

  private employ(server: Server): void {
    this.server = server;
    this.usedAt = performance.now();
    const { sleepTimeout } = this.facts;
    // Twice in the time after which it may sleep.
    const pause = sleepTimeout > 0 ? (sleepTimeout * 1000) / 2 : Infinity;
    const trouble = (what: string) => this.events.happened("error", what);
    this.watch = new ServerWatch(server, pause, trouble);
    server.handOver({ message: (message) => this.hear(message), gone: () => this.bereaved() });
  }

  private dismiss(): void {
    this.watch?.stop();
    this.watch = undefined;
    this.server = undefined;
  }

  /** For the supervisor after this one. */
  record(): NewRecord {
    return mountRecord(this.facts, this.history, this.server, this.standby !== undefined);
  }

  /** Its servers have died with the supervisor before: the next is started when it is needed. */
  resume(): void {
    if (this.facts.sleepTimeout > 0) this.sleep();
    else void this.revive();
  }

  /**
   * Answers what needs no server until something does. At once if an earlier server left a request
   * behind.
   */
  sleep(): void {
    const { fuse, slots, statistics } = this.facts;
    if (statistics === undefined || isAnythingHeld(slots)) {
      void this.revive();
      return;
    }
    this.standby = new Standby(fuse, slots, statistics);
    this.events.changed();
    this.events.happened("asleep", "nobody needs its server, which has gone");
    this.stayAsleep();
  }

  private stayAsleep(): void {
    const state = this.standby?.answer();
    if (state === "unmounted") this.disconnect();
    else if (state === "wanted") {
      this.rise();
      this.wanted = true;
      void this.revive();
    } else this.poller.watch(this.facts.fuse, POLLIN, () => this.stayAsleep());
  }

  private rise(): void {
    this.poller.unwatch(this.facts.fuse);
    this.standby?.end();
    this.standby = undefined;
  }

  /** The mount is made by the server itself. Resolves when it is there. */
  serveNative(opened: OpenedServer, order: { private: boolean; fsname: string }): Promise<void> {
    this.server = opened.server;
    return new Promise((resolve, reject) => {
      opened.server.handOver({
        message: (message) => {
          if (message.type === "serving") {
            this.employ(opened.server);
            resolve();
          } else if (message.type === "failed") reject(new Error(message.failure.message));
        },
        gone: () => reject(new Error("the server ended while it mounted")),
      });
      const { mountpoint, overrides } = this.facts;
      opened.server.send({ type: "serve-native", mountpoint, overrides, ...order });
    });
  }

  info(): MountInfo {
    const { id, image, mountpoint, description, transport, uid } = this.facts;
    return {
      id,
      image: image.path,
      mountpoint,
      container: description.containers.map((container) => container.format).join("/"),
      filesystem: description.volume.format,
      label: description.volume.label,
      view: description.volume.view?.shown ?? "",
      transport,
      sandboxed: this.server?.sandboxed ?? image.sandbox,
      state: this.state,
      pid: this.server?.pid ?? 0,
      uid,
      since: this.history.since,
      restarts: this.history.restarts,
      statistics: this.statistics.total(),
      warnings: description.warnings,
    };
  }

  /** Frees everything. The kernel's mount must be gone, or it goes with the connection. */
  end(reason: string): void {
    if (this.ended) return;
    this.ended = true;
    this.detached = true;
    this.server?.kill();
    this.dismiss();
    if (this.standby) this.rise();
    this.poller.unwatch(this.facts.fuse);
    if (this.facts.fuse >= 0) close(this.facts.fuse);
    if (this.facts.slots >= 0) close(this.facts.slots);
    // Who is told looks at what the image needed.
    this.events.unmounted(reason);
    this.facts.image.close();
  }

  private hear(message: FromServer): void {
    this.watch?.heard(message.type === "pong" ? message.busyMilliseconds : undefined);
    if (message.type === "unmounted") this.disconnect();
    else if (message.type === "pong") {
      const { opcode: _, node: __, since: ___, ...statistics } = message.counters;
      if (this.statistics.update(statistics)) this.usedAt = performance.now();
      if (message.busyMilliseconds === 0) this.sleepIfUnused();
    } else if (message.type === "defect") this.events.happened("error", message.message);
  }

  private disconnect(): void {
    this.disconnected = true;
    this.events.disconnected();
  }

  private sleepIfUnused(): void {
    const { sleepTimeout, transport, statistics } = this.facts;
    if (sleepTimeout === 0 || transport !== "dev-fuse" || statistics === undefined) return;
    if (this.drowsy || performance.now() - this.usedAt < sleepTimeout * 1000) return;
    this.drowsy = true;
    this.server?.kill();
  }

  /** The server is gone, but nobody has unmounted. */
  private bereaved(): void {
    if (this.ended || this.disconnected) return;
    this.dismiss();
    this.statistics.closeAccount();
    if (this.drowsy) {
      this.drowsy = false;
      return this.sleep();
    }
    if (this.facts.transport === "fuse-native") {
      this.events.lost("its server ended");
      return;
    }
    this.history.restarts++;
    this.learn();
    const tooMany = this.ends.note();
    if (tooMany !== undefined) return this.events.lost(tooMany);
    const { restarts } = this.history;
    if (this.ends.areMany && this.canSleep) {
      const when = "the next is started when something is asked";
      this.events.log("warn", `its servers end one after the other (restart ${restarts}): ${when}`);
      return this.sleep();
    }
    this.events.log("warn", `its server ended; starting another (restart ${restarts})`);
    void this.revive();
  }

  /** Resolves when another server serves, or the mount is lost. */
  private async revive(): Promise<void> {
    const opened = await openAnother({
      reopen: () => this.events.reopen(),
      failed: (message) => this.events.log("warn", `a server did not start: ${message}`),
      isOver: () => this.ended,
    }).catch((error: Error) => this.unserved(error));
    if (!opened) return;
    if (this.ended) retire(opened);
    else this.serve(opened, true);
  }

  /** What the machine lacks now it may have when somebody reads; then somebody waits for it. */
  private unserved(error: Error): void {
    const problem = `no server can be started: ${error.message}`;
    if (isVerdict(error) || !this.canSleep) return this.events.lost(problem);
    this.events.log("warn", `${problem}; it is tried again when something is asked`);
    this.sleep();
  }

  /** Nobody waits for an answer, and what needs none of the image can be answered without a server. */
  private get canSleep(): boolean {
    const { sleepTimeout, statistics, slots } = this.facts;
    return sleepTimeout > 0 && statistics !== undefined && !isAnythingHeld(slots);
  }

  /** Remembers what keeps killing. */
  private learn(): void {
    for (const request of this.suspects.learn(this.facts.slots)) {
      const { poisoned } = this.history;
      if (poisoned.some((known) => JSON.stringify(known) === JSON.stringify(request))) continue;
      poisoned.push(request);
      const what = `${opcodeName(request.opcode)} of node ${request.node} at ${request.position}`;
      const then = "it is answered EIO from now on";
      this.events.happened("error", `${POISON_AFTER} servers died of ${what}: ${then}`);
    }
  }
}
