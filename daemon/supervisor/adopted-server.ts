/** A server that an earlier supervisor started: found by its socket, told apart by its start time. */
import { fstatSync, readlinkSync, rmSync } from "node:fs";
import { SLOTS_SIZE } from "../../fs-adapter/dev-fuse/slot.js";
import { cachedStat } from "../../fs-adapter/system/cached-stat.js";
import { closeForeign, isWritable } from "../../fs-adapter/system/close-foreign.js";
import type { Poller } from "../../fs-adapter/system/poller.js";
import { connectUnix } from "../../fs-adapter/system/unix-socket.js";
import type { FromServer, GivenNeed, ToServer } from "../server/messages.js";
import { PacketLink } from "../server/packet-link.js";
import type { MetNeed } from "./image.js";
import { bringDown } from "./known-process.js";
import type { Server, ServerEvents } from "./server.js";
import { ServerWords } from "./server-words.js";
import type { StateRecord } from "./state-record.js";

/** A server answers within milliseconds, or hangs. */
const GIVE_MILLISECONDS = 5_000;

/** The descriptors of a mount, as handed over and checked. */
export interface Belongings {
  fuse: number;
  slots: number;
  image: number;
  met: MetNeed[];
}

export class AdoptedServer implements Server {
  readonly pid: number;
  readonly startTime: string;
  readonly sandboxed: boolean;
  readonly socketPath: string;
  private readonly link: PacketLink<FromServer, ToServer>;
  private events: ServerEvents = { message: () => {}, gone: () => {} };
  private alive = true;
  private killed = false;
  private onGiven: ((needs: GivenNeed[], descriptors: number[], last: boolean) => void) | undefined;

  /** Throws SystemError where nobody listens any more. */
  constructor(poller: Poller, record: StateRecord) {
    this.pid = record.pid;
    this.startTime = record.startTime;
    this.sandboxed = record.sandbox;
    this.socketPath = record.socketPath;
    this.link = new PacketLink(
      poller,
      connectUnix(record.socketPath, "packet"),
      (message, descriptors) => this.hear(message, descriptors),
      () => this.kill(),
      new ServerWords().read,
      closeForeign,
    );
  }

  handOver(events: ServerEvents): void {
    this.events = events;
    // It ended before anybody listened.
    if (!this.alive) queueMicrotask(() => events.gone());
  }

  send(message: ToServer, descriptors: readonly number[] = []): void {
    this.link.send(message, descriptors);
  }

  kill(): void {
    if (this.killed) return;
    this.killed = true;
    // Nobody shall find it from here on, however long the process takes to go.
    rmSync(this.socketPath, { force: true });
    void bringDown(this).then(() => this.end());
  }

  /** Asks for everything the mount is made of. Rejects if what comes is not what the record says. */
  takeOver(record: StateRecord): Promise<Belongings> {
    return new Promise((resolve, reject) => {
      const needs: GivenNeed[] = [];
      const descriptors: number[] = [];
      const refuse = (reason: string) => {
        clearTimeout(timer);
        this.onGiven = undefined;
        closeForeign(descriptors);
        reject(new Error(reason));
      };
      const timer = setTimeout(() => refuse("the server does not answer"), GIVE_MILLISECONDS);
      this.onGiven = (part, received, last) => {
        needs.push(...part);
        descriptors.push(...received);
        // One that goes on and on would take every descriptor there is.
        if (needs.length > record.needs.length) return refuse("handed over more than it was given");
        if (!last) return;
        const problem = check(record, needs, descriptors);
        if (problem !== undefined) return refuse(problem);
        clearTimeout(timer);
        this.onGiven = undefined;
        const [fuse, slots, image, ...rest] = descriptors;
        const met = needs.map(({ need, error, hasDescriptor }) => ({
          need,
          supply: { error, fd: hasDescriptor ? rest.shift() : undefined },
        }));
        resolve({ fuse, slots, image, met });
      };
      this.send({ type: "give" });
    });
  }

  private hear(message: FromServer, descriptors: number[]): void {
    if (message.type === "given" && this.onGiven !== undefined) {
      this.onGiven(message.met, descriptors, message.last);
      return;
    }
    closeForeign(descriptors);
    if (this.alive) this.events.message(message);
  }

  private end(): void {
    this.alive = false;
    this.link.close();
    this.events.gone();
  }
}

/** A server is not trusted, since it reads images: what it hands over must be what we once gave it. */
function check(
  record: StateRecord,
  needs: readonly GivenNeed[],
  descriptors: readonly number[],
): string | undefined {
  const wanted = 3 + needs.filter(({ hasDescriptor }) => hasDescriptor).length;
  if (descriptors.length !== wanted) {
    return `handed over ${descriptors.length} descriptors instead of ${wanted}`;
  }
  const [fuse, slots, image] = descriptors;
  if (readlinkSync(`/proc/self/fd/${fuse}`) !== "/dev/fuse") return "handed over no /dev/fuse";
  if (fstatSync(slots).size !== SLOTS_SIZE) return "handed over no slots";
  if (imageIdentity(image) !== record.imageIdentity) return "handed over another image";
  for (const fd of [image, ...descriptors.slice(3)]) {
    if (isWritable(fd) && fstatSync(fd).nlink > 0) return "handed over a writable file";
  }
  return undefined;
}

/** `dev:ino` of an open file, which may lie on a filesystem that does not answer. */
export function imageIdentity(fd: number): string {
  const { dev, ino } = cachedStat(fd);
  return `${dev}:${ino}`;
}
