/**
 * One mount: its kernel connection, its slots, its image, and the server that answers for it now.
 * Servers may die; this lives until the kernel says that the filesystem is unmounted.
 */
import { readFileSync, readSync } from "node:fs";
import {
  IN_HEADER_SIZE,
  InHeader,
  opcodeName,
  REQUEST_SIZE,
} from "../../fs-adapter/dev-fuse/abi.js";
import { Dispatcher, type PoisonedRequest } from "../../fs-adapter/dev-fuse/dispatcher.js";
import { isWaiting, MAX_SLOTS } from "../../fs-adapter/dev-fuse/slot.js";
import { close } from "../../fs-adapter/system/libc.js";
import type { ImageDescription } from "../../image-core/description.js";
import type { MountInfo, MountStatistics } from "../rpc/protocol.js";
import type { FromServer, ServeOrder } from "../server/messages.js";
import type { Image } from "./image.js";
import { type OpenedServer, retire } from "./opening.js";
import type { Server, ServerEvents } from "./server.js";
import { processStartTime, type StateRecord } from "./state-record.js";

/** The same request in hand at this many deaths in a row is what kills. */
const POISON_AFTER = 3;
/** A server that does not start is tried so often, at growing intervals. */
const MAX_ATTEMPTS = 6;
const PAUSE_MILLISECONDS = 100;
/** More servers than these ending in so short a time are beyond help. */
const MAX_ENDS = 60;
const ENDS_MILLISECONDS = 60_000;

/** A server that is silent, or at one request, for longer hangs. */
const HANG_MILLISECONDS = 1000 * Number(process.env.ISOMOUNT_HANG_SECONDS ?? 60);
const EXAMINE_MILLISECONDS = Math.min(10_000, HANG_MILLISECONDS / 4);
/** Private memory of a server: four times what the largest image takes. */
const MAX_SERVER_BYTES = 768 * 2 ** 20;

const NO_STATISTICS: MountStatistics = {
  requests: 0,
  reads: 0,
  readBytes: 0,
  splicedBytes: 0,
  errors: 0,
};

export interface MountFacts {
  id: string;
  image: Image;
  mountpoint: string;
  uid: number;
  description: ImageDescription;
  transport: "dev-fuse" | "fuse-native";
  overrides: ServeOrder["overrides"];
  maxReadBytes: number;
  /** Both owned by the mount; -1 for fuse-native, which keeps its own. */
  fuse: number;
  slots: number;
  /** The superblock's device, `0:52`; empty for fuse-native. */
  device: string;
  /** `dev:ino`. */
  imageIdentity: string;
  made?: { parent: string; name: string };
  /** Seconds; not unmounted by itself where it is not given. */
  idleTimeout?: number;
}

/** What a mount went through under earlier supervisors. */
export interface MountHistory {
  since: number;
  restarts: number;
  poisoned: PoisonedRequest[];
}

function newMount(): MountHistory {
  return { since: Date.now() / 1000, restarts: 0, poisoned: [] };
}

export interface MountEvents {
  /** Starts another server for the same image. */
  reopen(): Promise<OpenedServer>;
  /** The kernel's mount is gone. Comes once, last. */
  unmounted(reason: string): void;
  /** No server can be kept alive: the mount must go. */
  lost(reason: string): void;
  /** What the record says has changed. */
  changed(): void;
  log(level: "info" | "warn" | "error", message: string): void;
}

export class MountedImage {
  private server: Server | undefined;
  /** When servers ended, lately. */
  private ends: number[] = [];
  private ended = false;
  private heardAt = Date.now();
  private busyMilliseconds = 0;
  private statistics = NO_STATISTICS;
  private readonly watch = setInterval(() => this.examine(), EXAMINE_MILLISECONDS);
  /** What was in hand when servers died: request by slot, with how often in a row. */
  private readonly suspects = new Map<string, { request: PoisonedRequest; deaths: number }>();

  constructor(
    readonly facts: MountFacts,
    private readonly events: MountEvents,
    private readonly history = newMount(),
  ) {}

  get id(): string {
    return this.facts.id;
  }

  /** Lets an opened server serve. */
  serve(opened: OpenedServer, resume: boolean): void {
    this.server = opened.server;
    this.heardAt = Date.now();
    opened.handOver({ message: (message) => this.hear(message), gone: () => this.bereaved() });
    const { overrides, maxReadBytes, fuse, slots } = this.facts;
    opened.server.send(
      { type: "serve", overrides, maxReadBytes, poisoned: this.history.poisoned, resume },
      [fuse, slots],
    );
    this.events.changed();
  }

  /** Takes on a server that has been serving all along. */
  adopt(server: Server & { handOver(to: ServerEvents): void }): void {
    this.server = server;
    this.heardAt = Date.now();
    server.handOver({ message: (message) => this.hear(message), gone: () => this.bereaved() });
    this.events.changed();
  }

  /** For the supervisor after this one. */
  record(): Omit<StateRecord, "version" | "nodeIdVersion"> {
    const { image, fuse: _, slots: __, transport: ___, ...facts } = this.facts;
    const pid = this.server?.pid ?? 0;
    return {
      ...facts,
      image: image.path,
      config: image.config,
      timeZone: image.timeZone,
      needs: image.metNeeds().map(({ need, supply }) => ({
        need,
        error: supply.error,
        hasDescriptor: supply.fd !== undefined,
      })),
      sandbox: image.sandbox,
      socketPath: this.server?.socketPath ?? "",
      pid,
      startTime: pid > 0 ? processStartTime(pid) : "",
      ...this.history,
    };
  }

  /** The mount is made by the server itself. Resolves when it is there. */
  serveNative(opened: OpenedServer, order: { private: boolean; fsname: string }): Promise<void> {
    this.server = opened.server;
    return new Promise((resolve, reject) => {
      opened.handOver({
        message: (message) => {
          if (message.type === "serving") {
            opened.handOver({
              message: (later) => this.hear(later),
              gone: () => this.bereaved(),
            });
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
      state: this.server === undefined ? "reviving" : "serving",
      pid: this.server?.pid ?? 0,
      uid,
      since: this.history.since,
      restarts: this.history.restarts,
      statistics: this.statistics,
      warnings: description.warnings,
    };
  }

  /** Frees everything. The kernel's mount must be gone, or it goes with the connection. */
  end(reason: string): void {
    if (this.ended) return;
    this.ended = true;
    clearInterval(this.watch);
    this.server?.kill();
    this.server = undefined;
    if (this.facts.fuse >= 0) close(this.facts.fuse);
    if (this.facts.slots >= 0) close(this.facts.slots);
    this.facts.image.close();
    this.events.unmounted(reason);
  }

  /** Asks the server how it is; replaces one that hangs or has outgrown its memory. */
  private examine(): void {
    const { server } = this;
    if (server === undefined) return;
    const silent = Date.now() - this.heardAt;
    const grown = anonymousMemory(server.pid);
    const trouble =
      silent > HANG_MILLISECONDS
        ? `its server has not answered for ${Math.round(silent / 1000)} seconds`
        : this.busyMilliseconds > HANG_MILLISECONDS
          ? `its server has been at one request for ${Math.round(this.busyMilliseconds / 1000)} seconds`
          : grown > MAX_SERVER_BYTES
            ? `its server has grown to ${Math.round(grown / 2 ** 20)} MiB`
            : undefined;
    if (trouble === undefined) return server.send({ type: "ping" });
    this.events.log("error", `${trouble}: replacing it`);
    this.busyMilliseconds = 0;
    this.heardAt = Date.now();
    server.kill();
  }

  private hear(message: FromServer): void {
    this.heardAt = Date.now();
    if (message.type === "unmounted") this.end("unmounted");
    else if (message.type === "pong") {
      const { requests, reads, readBytes, splicedBytes, errors } = message.counters;
      this.statistics = { requests, reads, readBytes, splicedBytes, errors };
      this.busyMilliseconds = message.busyMilliseconds;
    } else if (message.type === "defect") this.events.log("error", message.message);
  }

  /** The server is gone, but nobody has unmounted. */
  private bereaved(): void {
    if (this.ended) return;
    this.server = undefined;
    this.statistics = NO_STATISTICS;
    if (this.facts.transport === "fuse-native") {
      this.events.lost("its server ended");
      return;
    }
    this.history.restarts++;
    this.learn();
    const now = Date.now();
    this.ends = [...this.ends.filter((end) => now - end < ENDS_MILLISECONDS), now];
    if (this.ends.length > MAX_ENDS) {
      const seconds = ENDS_MILLISECONDS / 1000;
      this.events.lost(`${this.ends.length} servers ended within ${seconds} seconds`);
      return;
    }
    const { restarts } = this.history;
    this.events.log("warn", `its server ended; starting another (restart ${restarts})`);
    this.revive(1);
  }

  /** Starts another server; one that cannot start is tried again, a little later each time. */
  private revive(attempt: number): void {
    this.events.reopen().then(
      (opened) => {
        if (this.ended) retire(opened);
        else this.serve(opened, true);
      },
      (error: Error) => {
        if (this.ended) return;
        if (attempt === MAX_ATTEMPTS) {
          this.events.lost(`no server can be started: ${error.message}`);
          return;
        }
        this.events.log("warn", `a server did not start: ${error.message}`);
        setTimeout(() => this.ended || this.revive(attempt + 1), attempt * PAUSE_MILLISECONDS);
      },
    );
  }

  /** Looks into the slots for the requests that were in hand, and remembers what keeps killing. */
  private learn(): void {
    const held = new Map<string, PoisonedRequest>();
    const bytes = new Uint8Array(REQUEST_SIZE);
    const words = new Uint32Array(bytes.buffer);
    for (let slot = 0; slot < MAX_SLOTS; slot++) {
      const got = readSync(this.facts.slots, bytes, 0, REQUEST_SIZE, slot * REQUEST_SIZE);
      if (got < IN_HEADER_SIZE || words[InHeader.len] < IN_HEADER_SIZE || isWaiting(words))
        continue;
      const request = Dispatcher.poisonKey(words);
      held.set(JSON.stringify(request), request);
    }
    for (const key of this.suspects.keys()) if (!held.has(key)) this.suspects.delete(key);
    for (const [key, request] of held) {
      const deaths = (this.suspects.get(key)?.deaths ?? 0) + 1;
      this.suspects.set(key, { request, deaths });
      if (deaths < POISON_AFTER || this.history.poisoned.some((p) => JSON.stringify(p) === key))
        continue;
      this.history.poisoned.push(request);
      const what = `${opcodeName(request.opcode)} of node ${request.node} at ${request.position}`;
      this.events.log("error", `${deaths} servers died of ${what}: it is answered EIO from now on`);
    }
  }
}

/** Bytes that belong to one process alone and lie in no file; 0 where there is no such process. */
function anonymousMemory(pid: number): number {
  if (pid <= 0) return 0;
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    return 1024 * Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return 0;
    throw error;
  }
}
