/**
 * The supervisor: takes requests, holds every mount with copies of its descriptors, starts servers
 * and replaces those that die. It parses no image and looks up no path of a user.
 */
import { join } from "node:path";
import { SLOTS_SIZE } from "../../fs-adapter/dev-fuse/slot.js";
import {
  descriptorPath,
  MountError,
  mountFuse,
  unmountFuse,
} from "../../fs-adapter/mounting/mount.js";
import { close, inBackground, unlinkat } from "../../fs-adapter/system/libc.js";
import { createMemfd } from "../../fs-adapter/system/memfd.js";
import type { Poller } from "../../fs-adapter/system/poller.js";
import {
  type DaemonInfo,
  type MountInfo,
  type MountOptions,
  type OpenResult,
  PROTOCOL_VERSION,
  RpcErrorCode,
} from "../rpc/protocol.js";
import type { ServerConfig } from "../server/messages.js";
import { version } from "../version.js";
import { RequestFailure } from "./failure.js";
import { Image, type Supply } from "./image.js";
import type { Log } from "./log.js";
import { MountedImage } from "./mounted-image.js";
import { OpenSession } from "./open-session.js";
import { type OpenedServer, openServer, retire } from "./opening.js";
import { raiseReadAhead } from "./read-ahead.js";
import { nativePlan, type Sandbox, type SandboxPlan } from "./sandbox.js";

const AT_REMOVEDIR = 0x200;
const MAX_READ_BYTES = 1024 * 1024;

/** The folder that a client made for a mount: goes away with it. */
interface MadeFolder {
  parent: number;
  name: string;
}

export interface OpenRequest {
  path: string;
  config: ServerConfig;
  timeZone: string;
  sandbox: boolean;
  /** Owned by the supervisor from here on. */
  image: number;
}

export interface MountRequest {
  session: string;
  options: MountOptions;
  uid: number;
  /** O_PATH; the caller closes it. */
  mountpoint: number;
  /** Owned by the supervisor from here on. */
  made?: MadeFolder;
}

export class Supervisor {
  private readonly since = Date.now() / 1000;
  private readonly sessions = new Map<string, OpenSession>();
  private readonly mounts = new Map<string, MountedImage>();
  private readonly waiters = new Map<string, ((reason: string) => void)[]>();
  private lastServer = 0;
  private lastMount = 0;
  private lastSession = 0;

  constructor(
    private readonly poller: Poller,
    private readonly sandbox: Sandbox,
    private readonly folder: string,
    private readonly log: Log,
  ) {}

  open(request: OpenRequest): { id: string; result: Promise<OpenResult> } {
    const id = `s${++this.lastSession}`;
    const { path, image: fd, config, timeZone, sandbox } = request;
    const image = new Image(path, fd, config, timeZone, sandbox);
    const session = new OpenSession(id, image, (supply) =>
      openServer({
        poller: this.poller,
        plan: this.plan(image),
        socketPath: this.nextSocket(),
        image,
        supply,
        complaint: (line) => this.log.warn(`${path}: ${line}`),
      }),
    );
    this.sessions.set(id, session);
    return { id, result: session.result() };
  }

  supply(session: string, answer: Supply): Promise<OpenResult> {
    return this.session(session).supply(answer);
  }

  /** Ends a session that was not mounted. */
  abandon(id: string): void {
    this.sessions.get(id)?.abandon();
    this.sessions.delete(id);
  }

  async mount(request: MountRequest): Promise<MountInfo> {
    const session = this.session(request.session);
    const { opened, image } = session;
    if (opened === undefined) {
      throw new RequestFailure(RpcErrorCode.invalidParams, "the image is not open yet");
    }
    this.sessions.delete(request.session);
    const { options } = request;
    const isPrivate = options.private ?? process.geteuid?.() !== 0;
    const source = options.fsname ?? image.path;
    const { uid, gid, mode, dmode } = options;
    const facts = {
      id: `m${++this.lastMount}`,
      image,
      uid: request.uid,
      description: opened.description,
      overrides: { uid, gid, mode, dmode },
      maxReadBytes: MAX_READ_BYTES,
    };
    const events = {
      reopen: () => this.reopen(image, this.plan(image)),
      unmounted: (reason: string) => this.unmounted(mounted, reason, request.made),
      lost: (reason: string) => this.lost(mounted, reason),
      log: (level: "info" | "warn" | "error", message: string) =>
        this.log[level](`${mounted.facts.mountpoint}: ${message}`),
    };
    let mounted: MountedImage;
    try {
      if (options.transport === "fuse-native") {
        const mountpoint = descriptorPath(request.mountpoint);
        // What has opened the image cannot mount by itself: another server does both.
        retire(opened);
        mounted = new MountedImage(
          { ...facts, mountpoint, transport: "fuse-native", fuse: -1, slots: -1 },
          events,
        );
        await mounted.serveNative(await this.reopen(image, nativePlan), {
          private: isPrivate,
          fsname: source,
        });
      } else {
        const { fuse, mountpoint, device } = await mountFuse({
          mountpoint: request.mountpoint,
          source,
          maxReadBytes: MAX_READ_BYTES,
          private: isPrivate,
        });
        const slots = createMemfd("isomount-slots", SLOTS_SIZE);
        mounted = new MountedImage(
          { ...facts, mountpoint, transport: "dev-fuse", fuse, slots },
          events,
        );
        mounted.serve(opened, false);
        raiseReadAhead(device, MAX_READ_BYTES);
      }
    } catch (error) {
      session.abandon();
      if (request.made) this.removeFolder(request.made);
      if (error instanceof MountError) {
        throw new RequestFailure(RpcErrorCode.mount, error.message, { code: error.code });
      }
      throw new RequestFailure(RpcErrorCode.mount, (error as Error).message);
    }
    this.mounts.set(mounted.id, mounted);
    this.log.info(`${image.path}: mounted on ${mounted.facts.mountpoint}`);
    return mounted.info();
  }

  async umount(target: string, lazy: boolean): Promise<MountInfo[]> {
    const matching = [...this.mounts.values()].filter(({ facts }) =>
      [facts.id, facts.mountpoint, facts.image.path].includes(target),
    );
    if (matching.length === 0) {
      throw new RequestFailure(RpcErrorCode.target, `${target} is not mounted by isomount`, {
        code: "EINVAL",
      });
    }
    // Several mounts of one image, or stacked on one folder: the latest lies on top.
    const unmounted: MountInfo[] = [];
    for (const mounted of matching.reverse()) {
      const info = mounted.info();
      try {
        await unmountFuse(mounted.facts.mountpoint, lazy);
      } catch (error) {
        if (!(error instanceof MountError)) throw error;
        throw new RequestFailure(RpcErrorCode.target, error.message, { code: error.code });
      }
      // A lazy unmount serves on until the last file is closed; the mountpoint is free at once.
      if (!lazy) mounted.end("unmounted");
      unmounted.push(info);
    }
    return unmounted;
  }

  list(): MountInfo[] {
    return [...this.mounts.values()].map((mounted) => mounted.info());
  }

  wait(id: string): Promise<{ reason: string }> {
    if (!this.mounts.has(id)) return Promise.resolve({ reason: "unmounted" });
    return new Promise((resolve) => {
      const waiters = this.waiters.get(id) ?? [];
      waiters.push((reason) => resolve({ reason }));
      this.waiters.set(id, waiters);
    });
  }

  info(): DaemonInfo {
    return {
      protocol: PROTOCOL_VERSION,
      version,
      pid: process.pid,
      since: this.since,
      mounts: this.mounts.size,
      runtimeFolder: this.folder,
    };
  }

  private plan(image: Image): SandboxPlan {
    return image.sandbox ? this.sandbox.plan : this.sandbox.plain;
  }

  /** Another server for an image that was open before: all it asks for is remembered. */
  private reopen(image: Image, plan: SandboxPlan): Promise<OpenedServer> {
    return openServer({
      poller: this.poller,
      plan,
      socketPath: this.nextSocket(),
      image,
      supply: () => Promise.reject(new Error("the image asks for something new")),
      complaint: (line) => this.log.warn(`${image.path}: ${line}`),
    });
  }

  private session(id: string): OpenSession {
    const session = this.sessions.get(id);
    if (session === undefined) {
      throw new RequestFailure(RpcErrorCode.invalidParams, `there is no session ${id}`);
    }
    return session;
  }

  private nextSocket(): string {
    return join(this.folder, `server-${process.pid}-${++this.lastServer}.sock`);
  }

  private unmounted(mounted: MountedImage, reason: string, made: MadeFolder | undefined): void {
    this.mounts.delete(mounted.id);
    this.log.info(`${mounted.facts.image.path}: ${reason} from ${mounted.facts.mountpoint}`);
    for (const waiter of this.waiters.get(mounted.id) ?? []) waiter(reason);
    this.waiters.delete(mounted.id);
    if (made) this.removeFolder(made);
  }

  /** Nobody answers for this mount any more: readers get an error at once, and the mount goes. */
  private lost(mounted: MountedImage, reason: string): void {
    const { mountpoint } = mounted.facts;
    this.log.error(`${mountpoint}: ${reason}; unmounting`);
    unmountFuse(mountpoint, true)
      .catch((error: Error) => this.log.error(error.message))
      .finally(() => mounted.end(reason));
  }

  private removeFolder({ parent, name }: MadeFolder): void {
    inBackground(unlinkat as never, "rmdir", parent, name, AT_REMOVEDIR)
      .catch((error: Error) => this.log.warn(`${name}: ${error.message}`))
      .finally(() => close(parent));
  }
}
