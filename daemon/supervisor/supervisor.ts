/**
 * The supervisor: takes requests, holds every mount with copies of its descriptors, starts servers
 * and replaces those that die. It parses no image and looks up no path of a user.
 */
import { MountError, unmountDevice } from "../../fs-adapter/mounting/mount.js";
import { readMountinfo } from "../../fs-adapter/mounting/mountinfo.js";
import { isClosingForeign } from "../../fs-adapter/system/close-foreign.js";
import { close } from "../../fs-adapter/system/libc.js";
import type { Poller } from "../../fs-adapter/system/poller.js";
import type { Settings } from "../configuration/load.js";
import { isProgramGone } from "../program-gone.js";
import {
  type DaemonEvent,
  type DaemonInfo,
  type MountInfo,
  PROTOCOL_VERSION,
  RpcErrorCode,
} from "../rpc/protocol.js";
import { version } from "../version.js";
import type { AdoptedServer, Belongings } from "./adopted-server.js";
import type { DescriptorStore } from "./descriptor-store.js";
import { RequestFailure } from "./failure.js";
import { FileQuotas } from "./file-quota.js";
import { Image } from "./image.js";
import { isProcess, type KnownProcess, processStartTime } from "./known-process.js";
import { LiveMounts } from "./live-mounts.js";
import type { Log } from "./log.js";
import { reopenMadeFolder } from "./made-folder.js";
import { MountAttempts } from "./mount-attempts.js";
import type { MountFacts } from "./mount-facts.js";
import { Mounting, type MountRequest } from "./mounting.js";
import { OpenSessions } from "./open-sessions.js";
import type { Sandbox } from "./sandbox.js";
import { ServerPool } from "./server-pool.js";
import { StateFolder, type StateRecord } from "./state-record.js";
import type { ServiceManager } from "./systemd.js";
import { takeOver } from "./takeover.js";

export class Supervisor {
  readonly sessions: OpenSessions;
  private readonly since = Date.now() / 1000;
  private readonly state: StateFolder;
  private readonly attempts: MountAttempts;
  private readonly servers: ServerPool;
  private readonly quotas = new FileQuotas();
  private readonly mounts: LiveMounts;
  private readonly mounting: Mounting;

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
    const { attempts, mounts } = this;
    this.mounting = new Mounting({ attempts, servers, mounts, settings, log });
  }

  /** To what becomes of mounts; returns what ends it. */
  listen(listener: (event: DaemonEvent) => void): () => void {
    return this.mounts.events.listen(listener);
  }

  async mount(request: MountRequest): Promise<MountInfo> {
    const mounted = await this.mounting.mount(this.sessions.take(request.session), request);
    const { image, mountpoint } = mounted.facts;
    this.mounts.tell(mounted, "mounted", `${image.path}: mounted on ${mountpoint}`);
    return mounted.info();
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
    this.mounts.keep(mounted);
    if (server !== undefined) mounted.adopt(server);
    else if (record.asleep) mounted.sleep();
    else mounted.resume();
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
