/**
 * Every mount from the moment the kernel has it until nothing of it is left: its record, its
 * descriptors' copies, its folder, and who is told what becomes of it.
 */
import { unmountDevice } from "../../fs-adapter/mounting/mount.js";
import { isForWantOfDescriptors } from "../../fs-adapter/system/libc.js";
import type { Poller } from "../../fs-adapter/system/poller.js";
import type { DaemonEvent } from "../rpc/protocol.js";
import type { DescriptorStore } from "./descriptor-store.js";
import { EventStream } from "./event-stream.js";
import { IdleUnmount } from "./idle-unmount.js";
import type { Log } from "./log.js";
import { type MadeFolder, removeMadeFolder } from "./made-folder.js";
import type { MountFacts, MountHistory } from "./mount-facts.js";
import { MountRecords } from "./mount-records.js";
import { MountTable } from "./mount-table.js";
import { MountedImage } from "./mounted-image.js";
import type { ServerPool } from "./server-pool.js";
import type { StateFolder } from "./state-record.js";
import type { ServiceManager } from "./systemd.js";

/** A server is replaced in a fraction of a second; a machine that is very busy takes longer. */
const SETTLE_MILLISECONDS = 10_000;
/** Where no descriptor is left to look at what is mounted, it is looked at again. */
const LOOK_AGAIN_MILLISECONDS = 1_000;

export interface LiveMountsOptions {
  poller: Poller;
  servers: ServerPool;
  state: StateFolder;
  store: DescriptorStore;
  manager: ServiceManager;
  log: Log;
}

export class LiveMounts {
  readonly table = new MountTable();
  readonly events = new EventStream();
  private readonly records: MountRecords;
  /** Until every mount that was begun is there, or has failed. */
  private making: Promise<unknown> = Promise.resolve();
  /** Folders that are being removed. */
  private clearing = 0;

  constructor(private readonly options: LiveMountsOptions) {
    const { state, store, log } = options;
    this.records = new MountRecords(state, store, log);
  }

  /** A mount(2) is under way: what is seen of the kernel's mounts meanwhile may be its. */
  expect(making: Promise<unknown>): void {
    this.making = Promise.allSettled([this.making, making]);
  }

  /** The kernel has it: from here on it has a record, and an end. */
  add(facts: MountFacts, made: MadeFolder | undefined, history?: MountHistory): MountedImage {
    const { poller, servers, log } = this.options;
    const mounted: MountedImage = new MountedImage(
      facts,
      poller,
      {
        reopen: () => servers.reopen(facts.image),
        disconnected: () => void this.disconnected(mounted),
        unmounted: (reason) => this.unmounted(mounted, reason, made),
        lost: (reason) => this.lost(mounted, reason),
        changed: () => {
          this.save(mounted);
          if (mounted.state === "asleep") servers.expect(facts.image);
        },
        happened: (event, what) => this.tell(mounted, event, `${facts.mountpoint}: ${what}`),
        log: (level, message) => log[level](`${facts.mountpoint}: ${message}`),
      },
      history,
    );
    this.table.add(mounted);
    if (facts.idleTimeout) this.watchIdle(mounted, facts.idleTimeout);
    this.tellCount();
    return mounted;
  }

  /** Its descriptors, outside this process; what finds no room there is lost unless its server lives. */
  keep({ facts }: MountedImage): void {
    const { id, fuse, slots, image, mountpoint } = facts;
    if (this.options.store.keep(id, fuse, slots, image)) return;
    facts.sleepTimeout = 0;
    const why = "systemd's descriptor store has no room for all the files that it is made of";
    const effect = "its server never sleeps, and ends the mount if it dies together with isomountd";
    this.options.log.warn(`${mountpoint}: ${why}: ${effect}`);
  }

  /** To the log and to whoever listens. Servers come and go: that is no news to an administrator. */
  tell(mounted: MountedImage, event: DaemonEvent["event"], message: string): void {
    const { log } = this.options;
    if (event === "error") log.error(message);
    else if (event === "mounted" || event === "unmounted") log.info(message);
    else log.debug(message);
    this.events.publish({ event, mount: mounted.info(), message });
  }

  /**
   * Resolves when every mount has a server that could be adopted, and nothing of those that are gone
   * is left; or after a while.
   */
  async settle(): Promise<void> {
    const deadline = performance.now() + SETTLE_MILLISECONDS;
    const isReviving = () => this.table.some(({ state }) => state === "reviving");
    while ((isReviving() || this.clearing > 0) && performance.now() < deadline) {
      await new Promise((done) => setTimeout(done, 20));
    }
  }

  /** Before the process ends. */
  saveTheRest(): void {
    this.records.saveTheRest();
  }

  private save(mounted: MountedImage): void {
    // fuse-native mounts end with their process: there is nothing to adopt.
    if (mounted.facts.transport !== "dev-fuse" || !this.table.has(mounted.id)) return;
    this.records.save(mounted);
  }

  private watchIdle(mounted: MountedImage, seconds: number): void {
    const watch = new IdleUnmount(
      mounted,
      seconds,
      () => mounted.end("unmounted, since nobody used it,"),
      (text) => this.options.log.warn(`${mounted.facts.mountpoint}: ${text}`),
    );
    this.table.wait(mounted.id).then(() => watch.stop());
  }

  private unmounted(mounted: MountedImage, reason: string, made: MadeFolder | undefined): void {
    this.table.remove(mounted);
    this.clear(mounted.id, made);
    this.records.forget(mounted);
    if (mounted.facts.transport === "dev-fuse") {
      this.options.store.forget(mounted.id, mounted.facts.image.metNeeds().length);
    }
    this.tellCount();
    const { image, mountpoint } = mounted.facts;
    this.tell(mounted, "unmounted", `${image.path}: ${reason} from ${mountpoint}`);
    this.table.tellEnd(mounted.id, reason);
  }

  /** The record goes last: a successor does by it what is not done by then. */
  private clear(id: string, made: MadeFolder | undefined): void {
    const { state, log } = this.options;
    if (made === undefined) return state.remove(id);
    this.clearing++;
    void removeMadeFolder(made, (text) => log.warn(text)).then(() => {
      this.clearing--;
      state.remove(id);
    });
  }

  /**
   * After an unmount there is nothing left. `umount -f` of what is in use, and whoever aborts a
   * connection, leave a mount that answers nobody.
   */
  private async disconnected(mounted: MountedImage): Promise<void> {
    try {
      // One that is being made may have been given the same device: it is told apart once it is ours.
      if (this.table.isShown(mounted)) await this.making;
      if (this.table.isShown(mounted)) this.lost(mounted, "its connection was ended by force");
      else mounted.end("unmounted");
    } catch (error) {
      if (!isForWantOfDescriptors(error)) throw error;
      setTimeout(() => void this.disconnected(mounted), LOOK_AGAIN_MILLISECONDS);
    }
  }

  /** Nobody answers for this mount any more: readers get an error at once, and the mount goes. */
  private lost(mounted: MountedImage, reason: string): void {
    const { mountpoint } = mounted.facts;
    this.tell(mounted, "error", `${mountpoint}: ${reason}; unmounting`);
    void this.detach(mounted).then(() => mounted.end(reason));
  }

  /**
   * For want of descriptors again and again: the mount, closed without, would stay for ever and answer
   * nobody.
   */
  private async detach(mounted: MountedImage): Promise<void> {
    for (;;) {
      const { device, mountpoint } = mounted.facts;
      try {
        return await unmountDevice(device, mountpoint, true);
      } catch (error) {
        const { message } = error as Error;
        if (!isForWantOfDescriptors(error)) return this.options.log.error(message);
        this.options.log.warn(`${mountpoint}: not unmounted yet: ${message}`);
      }
      await new Promise((done) => setTimeout(done, LOOK_AGAIN_MILLISECONDS));
    }
  }

  /** What `systemctl status` shows. */
  private tellCount(): void {
    const count = this.table.size;
    this.options.manager.status(count === 1 ? "1 image mounted" : `${count} images mounted`);
  }
}
