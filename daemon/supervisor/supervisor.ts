/**
 * The supervisor: takes requests, holds every mount with copies of its descriptors, starts servers
 * and replaces those that die. It parses no image and looks up no path of a user.
 */
import { join } from "node:path";
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
import { close } from "../../fs-adapter/system/libc.js";
import { createMemfd } from "../../fs-adapter/system/memfd.js";
import type { Poller } from "../../fs-adapter/system/poller.js";
import type { Settings } from "../configuration/load.js";
import { isProgramGone } from "../program-gone.js";
import {
  type DaemonEvent,
  type DaemonInfo,
  type MountInfo,
  type MountOptions,
  PROTOCOL_VERSION,
  RpcErrorCode,
} from "../rpc/protocol.js";
import { version } from "../version.js";
import { type AdoptedServer, type Belongings, imageIdentity } from "./adopted-server.js";
import type { DescriptorStore } from "./descriptor-store.js";
import { RequestFailure } from "./failure.js";
import { FileQuotas } from "./file-quota.js";
import { Image } from "./image.js";
import { isProcess, type KnownProcess, processStartTime } from "./known-process.js";
import { LiveMounts } from "./live-mounts.js";
import type { Log } from "./log.js";
import { type MadeFolder, removeMadeFolder, reopenMadeFolder } from "./made-folder.js";
import { makeFolder } from "./make-folder.js";
import { MountAttempts } from "./mount-attempts.js";
import type { MountFacts } from "./mount-facts.js";
import type { MountedImage } from "./mounted-image.js";
import { OpenSessions } from "./open-sessions.js";
import { type OpenedServer, retire } from "./opening.js";
import { raiseReadAhead } from "./read-ahead.js";
import type { Sandbox } from "./sandbox.js";
import { ServerPool } from "./server-pool.js";
import { StateFolder, type StateRecord } from "./state-record.js";
import type { ServiceManager } from "./systemd.js";
import { takeOver } from "./takeover.js";

type CommonFacts = Omit<
  MountFacts,
  "mountpoint" | "device" | "source" | "transport" | "fuse" | "slots"
>;

/** Whatever is read travels without a copy if it can. */
const MAX_READ_BYTES = MAX_SPLICE_BYTES;
/** So that several whole requests are under way: threads that decode, and the next splice, need not wait. */
const READ_AHEAD_BYTES = 4 * MAX_READ_BYTES;

export interface MountRequest {
  session: string;
  options: MountOptions;
  uid: number;
  /** O_PATH; the caller closes it. Without one, `made` is yet to be made. */
  mountpoint?: number;
  /** Owned by the supervisor from here on. */
  made?: MadeFolder;
}

export class Supervisor {
  readonly sessions: OpenSessions;
  private readonly since = Date.now() / 1000;
  private readonly state: StateFolder;
  private readonly attempts: MountAttempts;
  private readonly servers: ServerPool;
  private readonly quotas = new FileQuotas();
  private readonly mounts: LiveMounts;

  constructor(
    private readonly poller: Poller,
    sandbox: Sandbox,
    private readonly folder: string,
    private readonly log: Log,
    manager: ServiceManager,
    private readonly store: DescriptorStore,
    private readonly settings: Settings,
  ) {
    this.state = new StateFolder(folder);
    this.attempts = new MountAttempts(folder);
    const isAnyAsleep = () => this.mounts.table.some(({ state }) => state === "asleep");
    this.servers = new ServerPool({ poller, sandbox, folder, settings, log, isAnyAsleep });
    this.sessions = new OpenSessions(this.servers, this.quotas, log);
    const { servers, state } = this;
    this.mounts = new LiveMounts({ poller, servers, state, store, manager, log });
  }

  /** To what becomes of mounts; returns what ends it. */
  listen(listener: (event: DaemonEvent) => void): () => void {
    return this.mounts.events.listen(listener);
  }

  async mount(request: MountRequest): Promise<MountInfo> {
    const session = this.sessions.take(request.session);
    const { opened, image } = session;
    const { options } = request;
    const { uid, gid, mode, dmode } = options;
    const id = this.mounts.table.newId();
    const { mountpoint, made } = await this.placeOf(request, id).catch((error) => {
      session.abandon();
      throw refusal(error);
    });
    const facts = {
      id,
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
      mountpoint,
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
      const cleared = this.giveUp(id, made);
      // Who has not made it itself may want to remove those above.
      if (request.mountpoint === undefined) await cleared;
      throw refusal(error);
    } finally {
      if (request.mountpoint === undefined) close(mountpoint);
    }
    this.mounts.tell(mounted, "mounted", `${image.path}: mounted on ${mounted.facts.mountpoint}`);
    return mounted.info();
  }

  /** The folder to mount on, made if it is not there yet. Throws MountError. */
  private async placeOf(
    { mountpoint, made: wanted, uid }: MountRequest,
    id: string,
  ): Promise<{ mountpoint: number; made?: MadeFolder }> {
    if (mountpoint !== undefined) return { mountpoint, made: wanted };
    if (wanted === undefined) throw new MountError("EINVAL", "there is no folder to mount on");
    const parent = descriptorPath(wanted.parent);
    try {
      const { name, fd } = await makeFolder(wanted, (candidate) =>
        this.attempts.begin({
          id,
          uid,
          made: { parent, name: candidate },
          mountpoint: join(parent, candidate),
        }),
      );
      return { mountpoint: fd, made: { parent: wanted.parent, name } };
    } catch (error) {
      this.attempts.end(id);
      close(wanted.parent);
      throw error;
    }
  }

  /** The note goes last: a successor does by it what is not done by then. */
  private async giveUp(id: string, made: MadeFolder | undefined): Promise<void> {
    if (made !== undefined) await removeMadeFolder(made, (text) => this.log.warn(text));
    this.attempts.end(id);
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
      this.mounts.expect(making);
      const { fuse, ...place } = await making;
      mounted = this.mounts.add({ ...facts, ...place, transport: "dev-fuse", fuse, slots }, made);
    } catch (error) {
      close(slots);
      throw error;
    }
    this.keep(mounted);
    mounted.serve(opened, false);
    this.attempts.end(id);
    raiseReadAhead(mounted.facts.device, READ_AHEAD_BYTES);
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
    const server = await this.servers.openNative(facts.image);
    const mountpoint = descriptorPath(request.mountpoint);
    const mounted = this.mounts.add(
      { ...facts, mountpoint, device: "", transport: "fuse-native", fuse: -1, slots: -1 },
      made,
    );
    try {
      await mounted.serveNative(server, { private: request.private, fsname: request.source });
    } catch (error) {
      this.mounts.table.remove(mounted);
      retire(server);
      throw error;
    }
    this.attempts.end(facts.id);
    return mounted;
  }

  /** Takes on what an earlier supervisor left. */
  async takeOver(): Promise<void> {
    const { poller, folder, state, attempts, store, log } = this;
    const restore = this.restore.bind(this);
    const ids = await takeOver({ poller, folder, state, attempts, store, log, restore });
    // Ids are never given twice, whatever became of these.
    for (const id of ids) this.mounts.table.reserveId(id);
    this.mounts.table.sort();
    await this.settle();
  }

  private restore(
    record: StateRecord,
    { fuse, slots, image: fd, met }: Belongings,
    server?: AdoptedServer,
  ): void {
    const { config, timeZone, sandbox, since, restarts, poisoned } = record;
    const quota = this.quotas.of(record.uid);
    const image = new Image(record.image, fd, config, timeZone, sandbox, quota, met);
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
    const mounted = this.mounts.add(facts, reopenMadeFolder(record), history);
    // First: it may end at once.
    this.keep(mounted);
    if (server !== undefined) mounted.adopt(server);
    else if (record.asleep) mounted.sleep();
    else mounted.resume();
  }

  /** Outside this process; what finds no room there is lost unless its server lives. */
  private keep({ facts }: MountedImage): void {
    const { id, fuse, slots, image, mountpoint } = facts;
    if (this.store.keep(id, fuse, slots, image)) return;
    facts.sleepTimeout = 0;
    const why = "systemd's descriptor store has no room for all the files that it is made of";
    const effect = "its server never sleeps, and ends the mount if it dies together with isomountd";
    this.log.warn(`${mountpoint}: ${why}: ${effect}`);
  }

  /** `by`: only what this user has mounted. */
  async umount(target: string, lazy: boolean, by?: number): Promise<MountInfo[]> {
    // Several mounts of one image, or stacked on one folder: the latest lies on top.
    const unmounted: MountInfo[] = [];
    for (const mounted of this.mounts.table.meant(target, by).reverse()) {
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
    this.mounts.table.locate();
    return [...this.mounts.table].map((mounted) => mounted.info());
  }

  /** Who asks may go away before; then it never resolves. */
  wait(id: string, gone?: AbortSignal): Promise<{ reason: string }> {
    return this.mounts.table.wait(id, gone);
  }

  /** How many images this user has mounted. */
  mountsOf(uid: number): number {
    return this.mounts.table.countOf(uid);
  }

  /** Whether images are read in a sandbox. */
  get confines(): boolean {
    return this.servers.confines;
  }

  private isForeign(uid: number): boolean {
    return process.getuid!() === 0 && uid !== 0;
  }

  /** Prometheus text; what makes it is loaded at the first call. */
  async metrics(): Promise<string> {
    const { renderMetrics } = await import("./metrics.js").catch((error: Error) => {
      if (!isProgramGone(error)) throw error;
      throw new RequestFailure(
        RpcErrorCode.internalError,
        "isomountd was replaced by another version while it runs: isomount daemon restart",
      );
    });
    return renderMetrics(this.info(), this.list());
  }

  info(): DaemonInfo {
    return {
      protocol: PROTOCOL_VERSION,
      version,
      pid: process.pid,
      since: this.since,
      mounts: this.mounts.table.size,
      runtimeFolder: this.folder,
      spare: this.servers.spareInfo,
      keeper: this.store.info,
    };
  }

  /** Resolves when all that goes on by itself has come to rest, or after a while. */
  settle(): Promise<void> {
    return this.mounts.settle();
  }

  /** Before the process ends: what serves nobody goes with it. */
  end(): void {
    this.mounts.saveTheRest();
    this.servers.end();
    this.store.end();
  }
}

/** What the client is told. */
function refusal(error: unknown): RequestFailure {
  const details = error instanceof MountError ? { code: error.code } : {};
  return new RequestFailure(RpcErrorCode.mount, (error as Error).message, details);
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
