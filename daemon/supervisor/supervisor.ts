/**
 * The supervisor: takes requests, holds every mount with copies of its descriptors, starts servers
 * and replaces those that die. It parses no image and looks up no path of a user.
 */
import { SLOTS_SIZE } from "../../fs-adapter/dev-fuse/slot.js";
import { MAX_SPLICE_BYTES } from "../../fs-adapter/dev-fuse/splicer.js";
import {
  descriptorPath,
  type MountRequest as FuseMountRequest,
  MountError,
  mountFuse,
  unmountDevice,
} from "../../fs-adapter/mounting/mount.js";
import { readMountinfo } from "../../fs-adapter/mounting/mountinfo.js";
import { isClosingForeign } from "../../fs-adapter/system/close-foreign.js";
import { close, isForWantOfDescriptors } from "../../fs-adapter/system/libc.js";
import { createMemfd } from "../../fs-adapter/system/memfd.js";
import type { Poller } from "../../fs-adapter/system/poller.js";
import type { Settings } from "../configuration/load.js";
import {
  type DaemonEvent,
  type DaemonInfo,
  type MountInfo,
  type MountOptions,
  type OpenResult,
  PROTOCOL_VERSION,
  RpcErrorCode,
  type VerifyProgress,
} from "../rpc/protocol.js";
import type { ServerConfig } from "../server/messages.js";
import { version } from "../version.js";
import { type AdoptedServer, type Belongings, imageIdentity } from "./adopted-server.js";
import type { DescriptorStore } from "./descriptor-store.js";
import { EventStream } from "./event-stream.js";
import { RequestFailure } from "./failure.js";
import { IdleUnmount } from "./idle-unmount.js";
import { Image, type Supply } from "./image.js";
import { isProcess, type KnownProcess, processStartTime } from "./known-process.js";
import type { Log } from "./log.js";
import { type MadeFolder, removeMadeFolder, reopenMadeFolder } from "./made-folder.js";
import { MountAttempts } from "./mount-attempts.js";
import { MountRecords } from "./mount-records.js";
import { MountTable } from "./mount-table.js";
import { MountedImage, type MountFacts, type MountHistory } from "./mounted-image.js";
import { OpenSession } from "./open-session.js";
import { type OpenedServer, openServer, retire } from "./opening.js";
import { raiseReadAhead } from "./read-ahead.js";
import type { Sandbox } from "./sandbox.js";
import { ServerPool } from "./server-pool.js";
import type { ServerProcess } from "./server-process.js";
import { StateFolder, type StateRecord } from "./state-record.js";
import type { ServiceManager } from "./systemd.js";
import { takeOver } from "./takeover.js";
import { Turnstile } from "./turnstile.js";

type CommonFacts = Omit<
  MountFacts,
  "mountpoint" | "device" | "source" | "transport" | "fuse" | "slots"
>;

/** Whatever is read travels without a copy if it can. */
const MAX_READ_BYTES = MAX_SPLICE_BYTES;
/** So that several whole requests are under way: threads that decode, and the next splice, need not wait. */
const READ_AHEAD_BYTES = 4 * MAX_READ_BYTES;
/** A server is replaced in a fraction of a second; a machine that is very busy takes longer. */
const SETTLE_MILLISECONDS = 10_000;
/** Where no descriptor is left to look at what is mounted, it is looked at again. */
const LOOK_AGAIN_MILLISECONDS = 1_000;

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
  readonly events = new EventStream();
  private readonly since = Date.now() / 1000;
  private readonly sessions = new Map<string, OpenSession>();
  private readonly mounts = new MountTable();
  private lastSession = 0;
  /** Until every mount that was begun is there, or has failed. */
  private mounting: Promise<void> = Promise.resolve();
  /** Folders that are being removed. */
  private clearing = 0;
  private readonly state: StateFolder;
  private readonly records: MountRecords;
  private readonly attempts: MountAttempts;
  private readonly servers: ServerPool;
  private readonly turnstile = new Turnstile();

  constructor(
    private readonly poller: Poller,
    sandbox: Sandbox,
    private readonly folder: string,
    private readonly log: Log,
    private readonly manager: ServiceManager,
    private readonly store: DescriptorStore,
    private readonly settings: Settings,
  ) {
    this.state = new StateFolder(folder);
    this.records = new MountRecords(this.state, store, log);
    this.attempts = new MountAttempts(folder);
    const isAnyAsleep = () => this.mounts.some(({ state }) => state === "asleep");
    this.servers = new ServerPool(poller, sandbox, folder, settings, isAnyAsleep);
  }

  open(request: OpenRequest): { id: string; result: Promise<OpenResult> } {
    const id = `s${++this.lastSession}`;
    const { path, image: fd, config, timeZone, sandbox } = request;
    const image = new Image(path, fd, config, timeZone, sandbox);
    // Async: a server that cannot even be started, for want of descriptors, fails this image alone.
    const session = new OpenSession(id, image, async (supply) =>
      openServer({
        server: this.servers.hire(image),
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

  verify(session: string): Promise<VerifyProgress> {
    return this.session(session).verify();
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
    const { options, made } = request;
    const { uid, gid, mode, dmode } = options;
    const facts = {
      id: this.mounts.newId(),
      image,
      uid: request.uid,
      description: opened.description,
      overrides: { uid, gid, mode, dmode },
      maxReadBytes: MAX_READ_BYTES,
      imageIdentity: imageIdentity(image.fd),
      idleTimeout: options.idleTimeout ?? this.settings.current.idleTimeout,
      statistics: opened.statistics,
      sleepTimeout: options.sleepTimeout ?? this.settings.current.sleepTimeout,
      made: made && { parent: descriptorPath(made.parent), name: made.name },
    };
    const fuseRequest = {
      mountpoint: request.mountpoint,
      source: options.fsname ?? image.path,
      maxReadBytes: MAX_READ_BYTES,
      private: options.private ?? process.geteuid?.() !== 0,
      noexec: options.noexec ?? false,
    };
    let mounted: MountedImage;
    try {
      mounted =
        options.transport === "fuse-native"
          ? await this.mountNative(facts, fuseRequest, opened, made)
          : await this.mountKernel(facts, fuseRequest, opened, made);
    } catch (error) {
      session.abandon();
      if (made) void removeMadeFolder(made, (text) => this.log.warn(text));
      if (error instanceof MountError) {
        throw new RequestFailure(RpcErrorCode.mount, error.message, { code: error.code });
      }
      throw new RequestFailure(RpcErrorCode.mount, (error as Error).message);
    }
    this.tell(mounted, "mounted", `${image.path}: mounted on ${mounted.facts.mountpoint}`);
    return mounted.info();
  }

  private async mountKernel(
    facts: CommonFacts,
    request: FuseMountRequest,
    opened: OpenedServer,
    made: MadeFolder | undefined,
  ): Promise<MountedImage> {
    // First: a mount that cannot be served for want of descriptors must not be made.
    const slots = createMemfd("isomount-slots", SLOTS_SIZE);
    const { id, uid } = facts;
    const mountpoint = descriptorPath(request.mountpoint);
    let mounted: MountedImage;
    try {
      this.attempts.begin({ id, uid, made: facts.made, mountpoint });
      const making = mountFuse(request);
      this.mounting = Promise.allSettled([this.mounting, making]).then(() => undefined);
      const { fuse, ...place } = await making;
      mounted = this.track({ ...facts, ...place, transport: "dev-fuse", fuse, slots }, made);
    } catch (error) {
      close(slots);
      this.attempts.end(id);
      throw error;
    }
    mounted.serve(opened, false);
    this.attempts.end(id);
    const { fuse, device } = mounted.facts;
    this.store.keep(id, fuse, slots, facts.image);
    raiseReadAhead(device, READ_AHEAD_BYTES);
    return mounted;
  }

  private async mountNative(
    facts: CommonFacts,
    request: FuseMountRequest,
    opened: OpenedServer,
    made: MadeFolder | undefined,
  ): Promise<MountedImage> {
    if (request.noexec) {
      throw new MountError("EINVAL", "transport=fuse-native has no noexec: leave one of them out");
    }
    // What has opened the image cannot mount by itself: another server does both.
    retire(opened);
    const server = await this.reopen(facts.image, (image) => this.servers.hireNative(image));
    const mountpoint = descriptorPath(request.mountpoint);
    const mounted = this.track(
      { ...facts, mountpoint, device: "", transport: "fuse-native", fuse: -1, slots: -1 },
      made,
    );
    try {
      await mounted.serveNative(server, { private: request.private, fsname: request.source });
    } catch (error) {
      this.mounts.remove(mounted);
      retire(server);
      throw error;
    }
    return mounted;
  }

  /** Ties a mount to this supervisor: its servers, its record, its end. */
  private track(
    facts: MountFacts,
    made: MadeFolder | undefined,
    history?: MountHistory,
  ): MountedImage {
    const mounted: MountedImage = new MountedImage(
      facts,
      this.poller,
      {
        reopen: () => this.reopen(facts.image),
        disconnected: () => void this.disconnected(mounted),
        unmounted: (reason) => this.unmounted(mounted, reason, made),
        lost: (reason) => this.lost(mounted, reason),
        changed: () => {
          this.save(mounted);
          if (mounted.state === "asleep") this.servers.expect(facts.image);
        },
        happened: (event, what) => this.tell(mounted, event, `${facts.mountpoint}: ${what}`),
        log: (level, message) => this.log[level](`${facts.mountpoint}: ${message}`),
      },
      history,
    );
    this.mounts.add(mounted);
    if (facts.idleTimeout) this.watchIdle(mounted, facts.idleTimeout);
    this.tellCount();
    return mounted;
  }

  private watchIdle(mounted: MountedImage, seconds: number): void {
    const watch = new IdleUnmount(
      mounted,
      seconds,
      () => mounted.end("unmounted, since nobody used it,"),
      (text) => this.log.warn(`${mounted.facts.mountpoint}: ${text}`),
    );
    this.mounts.wait(mounted.id).then(() => watch.stop());
  }

  private save(mounted: MountedImage): void {
    // fuse-native mounts end with their process: there is nothing to adopt.
    if (mounted.facts.transport !== "dev-fuse" || !this.mounts.has(mounted.id)) return;
    this.records.save(mounted);
  }

  /** Takes on what an earlier supervisor left. */
  async takeOver(): Promise<void> {
    const { poller, folder, state, attempts, store, log } = this;
    const restore = this.restore.bind(this);
    const ids = await takeOver({ poller, folder, state, attempts, store, log, restore });
    // Ids are never given twice, whatever became of these.
    for (const id of ids) this.mounts.reserveId(id);
    this.mounts.sort();
    await this.settle();
  }

  private restore(
    record: StateRecord,
    { fuse, slots, image: fd, met }: Belongings,
    server?: AdoptedServer,
  ): void {
    const { config, timeZone, sandbox, since, restarts, poisoned } = record;
    const image = new Image(record.image, fd, config, timeZone, sandbox, met);
    if (this.isForeign(record.uid) && !this.confines) {
      // With the connection open, readers would wait for an answer for ever.
      for (const each of [fuse, slots]) close(each);
      image.close();
      throw new Error("another user's image is not read without a sandbox");
    }
    const { sleepTimeout = this.settings.current.sleepTimeout } = record;
    const facts: MountFacts = {
      ...record,
      sleepTimeout,
      image,
      transport: "dev-fuse",
      fuse,
      slots,
    };
    const history = { since, restarts, poisoned };
    const mounted = this.track(facts, reopenMadeFolder(record), history);
    // First: it may end at once.
    this.store.keep(record.id, fuse, slots, image);
    if (server !== undefined) mounted.adopt(server);
    else if (record.asleep) mounted.sleep();
    else mounted.resume();
  }

  /** `by`: only what this user has mounted. */
  async umount(target: string, lazy: boolean, by?: number): Promise<MountInfo[]> {
    // Several mounts of one image, or stacked on one folder: the latest lies on top.
    const unmounted: MountInfo[] = [];
    for (const mounted of this.mounts.meant(target, by).reverse()) {
      const info = mounted.info();
      try {
        await unmountDevice(mounted.facts.device, mounted.facts.mountpoint, lazy);
      } catch (error) {
        if (!(error instanceof MountError)) throw error;
        throw new RequestFailure(RpcErrorCode.target, error.message, { code: error.code });
      }
      // A lazy unmount serves on until the last file is closed; the mountpoint is free at once.
      if (lazy) mounted.locate(readMountinfo());
      else {
        const server = { pid: info.pid, startTime: processStartTime(info.pid) };
        mounted.end("unmounted");
        await processGone(server);
      }
      unmounted.push(info);
    }
    return unmounted;
  }

  list(): MountInfo[] {
    this.mounts.locate();
    return [...this.mounts].map((mounted) => mounted.info());
  }

  /** Who asks may go away before; then it never resolves. */
  wait(id: string, gone?: AbortSignal): Promise<{ reason: string }> {
    return this.mounts.wait(id, gone);
  }

  /** How many images this user has mounted. */
  mountsOf(uid: number): number {
    return this.mounts.countOf(uid);
  }

  /** Whether images are read in a sandbox. */
  get confines(): boolean {
    return this.servers.confines;
  }

  private isForeign(uid: number): boolean {
    return process.getuid!() === 0 && uid !== 0;
  }

  /** To the log and to whoever listens. Servers come and go: that is no news to an administrator. */
  private tell(mounted: MountedImage, event: DaemonEvent["event"], message: string): void {
    if (event === "error") this.log.error(message);
    else if (event === "mounted" || event === "unmounted") this.log.info(message);
    else this.log.debug(message);
    this.events.publish({ event, mount: mounted.info(), message });
  }

  /** Prometheus text; what makes it is loaded at the first call. */
  async metrics(): Promise<string> {
    const { renderMetrics } = await import("./metrics.js");
    return renderMetrics(this.info(), this.list());
  }

  info(): DaemonInfo {
    return {
      protocol: PROTOCOL_VERSION,
      version,
      pid: process.pid,
      since: this.since,
      mounts: this.mounts.size,
      runtimeFolder: this.folder,
      spare: this.servers.spareInfo,
      keeper: this.store.info,
    };
  }

  /** Another server for an image that was open before: all it asks for is remembered. */
  private reopen(
    image: Image,
    hire: (image: Image) => ServerProcess = (any) => this.servers.hire(any),
  ): Promise<OpenedServer> {
    return this.turnstile.pass(() =>
      openServer({
        server: hire(image),
        image,
        supply: () => Promise.reject(new Error("the image asks for something new")),
        complaint: (line) => this.log.warn(`${image.path}: ${line}`),
      }),
    );
  }

  /** What `systemctl status` shows. */
  private tellCount(): void {
    const count = this.mounts.size;
    this.manager.status(count === 1 ? "1 image mounted" : `${count} images mounted`);
  }

  /**
   * Resolves when every mount has a server that could be adopted, and nothing of those that are gone
   * is left; or after a while.
   */
  async settle(): Promise<void> {
    const deadline = performance.now() + SETTLE_MILLISECONDS;
    const reviving = () => this.mounts.some(({ state }) => state === "reviving");
    while ((reviving() || this.clearing > 0) && performance.now() < deadline) {
      await new Promise((done) => setTimeout(done, 20));
    }
  }

  /** Before the process ends: what serves nobody goes with it. */
  end(): void {
    this.records.saveTheRest();
    this.servers.end();
    this.store.end();
  }

  private session(id: string): OpenSession {
    const session = this.sessions.get(id);
    if (session === undefined) {
      throw new RequestFailure(RpcErrorCode.invalidParams, `there is no session ${id}`);
    }
    return session;
  }

  private unmounted(mounted: MountedImage, reason: string, made: MadeFolder | undefined): void {
    this.mounts.remove(mounted);
    this.clear(mounted.id, made);
    this.records.forget(mounted);
    if (mounted.facts.transport === "dev-fuse") {
      this.store.forget(mounted.id, mounted.facts.image.metNeeds().length);
    }
    this.tellCount();
    const { image, mountpoint } = mounted.facts;
    this.tell(mounted, "unmounted", `${image.path}: ${reason} from ${mountpoint}`);
    this.mounts.tellEnd(mounted.id, reason);
  }

  /** The record goes last: a successor does by it what is not done by then. */
  private clear(id: string, made: MadeFolder | undefined): void {
    if (made === undefined) return this.state.remove(id);
    this.clearing++;
    void removeMadeFolder(made, (text) => this.log.warn(text)).then(() => {
      this.clearing--;
      this.state.remove(id);
    });
  }

  /**
   * After an unmount there is nothing left. `umount -f` of what is in use, and whoever aborts a
   * connection, leave a mount that answers nobody.
   */
  private async disconnected(mounted: MountedImage): Promise<void> {
    try {
      // One that is being made may have been given the same device: it is told apart once it is ours.
      if (this.mounts.isShown(mounted)) await this.mounting;
      if (this.mounts.isShown(mounted)) this.lost(mounted, "its connection was ended by force");
      else mounted.end("unmounted");
    } catch (error) {
      if (!isForWantOfDescriptors(error)) throw error;
      setTimeout(() => void this.disconnected(mounted), LOOK_AGAIN_MILLISECONDS);
    }
  }

  /** Nobody answers for this mount any more: readers get an error at once, and the mount goes. */
  private lost(mounted: MountedImage, reason: string): void {
    const { device, mountpoint } = mounted.facts;
    this.tell(mounted, "error", `${mountpoint}: ${reason}; unmounting`);
    unmountDevice(device, mountpoint, true)
      .catch((error: Error) => this.log.error(error.message))
      .finally(() => mounted.end(reason));
  }
}

/** A killed server is gone in milliseconds, unless it waits for a disk that does not answer. */
const GONE_MILLISECONDS = 2_000;

/** Until then it holds the image open: what the image lies on could be neither unmounted nor ejected. */
async function processGone(server: KnownProcess): Promise<void> {
  const deadline = performance.now() + GONE_MILLISECONDS;
  while (isProcess(server) || isClosingForeign()) {
    if (performance.now() > deadline) return;
    await new Promise((done) => setTimeout(done, 2));
  }
}
