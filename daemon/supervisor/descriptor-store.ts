/**
 * The descriptors of mounts outside this process, in systemd's store or the keeper's: what is left
 * when supervisor and servers die at once, or while a server sleeps. Names are `ID-fuse`,
 * `ID-slots`, `ID-image` and `ID-need-N`, in the order of the record's needs; `ID-record` where the
 * disk has no room for it.
 */
import { fstatSync, readSync } from "node:fs";
import { closeForeign } from "../../fs-adapter/system/close-foreign.js";
import { close } from "../../fs-adapter/system/libc.js";
import { memfdWith } from "../../fs-adapter/system/memfd.js";
import type { DaemonInfo } from "../rpc/protocol.js";
import type { Belongings } from "./adopted-server.js";
import type { Image } from "./image.js";
import type { StateRecord } from "./state-record.js";

/** Holds copies of descriptors by name until they are forgotten, through any death of this process. */
export interface DescriptorKeeper {
  keep(name: string, fd: number): void;
  forget(name: string): void;
  /** How many it holds at most, if there is a bound. */
  readonly room?: number;
  /** This process is about to end. */
  end(): void;
  /** The process that does it, if that is one of ours. */
  readonly info?: DaemonInfo["keeper"];
}

/**
 * Of the room, for one image: what finds none would be lost, and it would be other mounts' that
 * finds none.
 */
const IMAGE_SHARE = 1 / 16;
/** `/dev/fuse`, slots, image and, for a while, the record. */
const EVERY_MOUNT = 4;

export class DescriptorStore {
  /** How many are kept, by id; none of those for which there was no room. */
  private readonly kept = new Map<string, number>();
  /** Ids of which the keeper has something from before. */
  private readonly known = new Set<string>();
  /** Records as memfds, by id. */
  private readonly records = new Map<string, number>();

  constructor(
    private readonly keeper: DescriptorKeeper,
    /** What an earlier supervisor had kept. */
    private readonly passed: Map<string, number[]>,
  ) {
    for (const name of passed.keys()) this.known.add(name.replace(/-.*/, ""));
  }

  /**
   * False where there is no room for them: then they are as good as the processes that hold them,
   * and one of those must live.
   */
  keep(id: string, fuse: number, slots: number, image: Image): boolean {
    const descriptors = image.metNeeds().filter(({ supply }) => supply.fd !== undefined);
    if (!this.reserve(id, EVERY_MOUNT + descriptors.length)) {
      this.forget(id, image.metNeeds().length);
      return false;
    }
    this.keeper.keep(`${id}-fuse`, fuse);
    this.keeper.keep(`${id}-slots`, slots);
    this.keeper.keep(`${id}-image`, image.fd);
    image.metNeeds().forEach(({ supply }, index) => {
      if (supply.fd !== undefined) this.keeper.keep(`${id}-need-${index}`, supply.fd);
    });
    return true;
  }

  /** For as long as there is no room for it on disk. */
  keepRecord(id: string, text: string): void {
    const fd = memfdWith("isomount-record", Buffer.from(text));
    // Before another is sent under its name: the keeper sends what it is told anew if it dies.
    this.forgetRecord(id);
    this.records.set(id, fd);
    this.keeper.keep(`${id}-record`, fd);
  }

  forgetRecord(id: string): void {
    const fd = this.records.get(id);
    if (fd === undefined) return;
    this.records.delete(id);
    this.keeper.forget(`${id}-record`);
    close(fd);
  }

  /** What an earlier supervisor found no room for, by id. */
  takeRecords(): Map<string, string> {
    const texts = new Map<string, string>();
    for (const name of [...this.passed.keys()]) {
      const id = /^(m\d+)-record$/.exec(name)?.[1];
      const fd = id === undefined ? undefined : this.takeOne(name);
      if (id === undefined || fd === undefined) continue;
      const bytes = Buffer.alloc(fstatSync(fd).size);
      readSync(fd, bytes, 0, bytes.length, 0);
      texts.set(id, bytes.toString());
      this.records.set(id, fd);
    }
    return texts;
  }

  forget(id: string, needs: number): void {
    this.forgetRecord(id);
    if (!this.kept.delete(id) && !this.known.has(id)) return;
    this.known.delete(id);
    for (const name of ["fuse", "slots", "image"]) this.keeper.forget(`${id}-${name}`);
    for (let index = 0; index < needs; index++) this.keeper.forget(`${id}-need-${index}`);
  }

  /** Everything that the mount is made of, if it is all there; taken out, not to be found again. */
  take(record: StateRecord): Belongings | undefined {
    const fuse = this.takeOne(`${record.id}-fuse`);
    const slots = this.takeOne(`${record.id}-slots`);
    const image = this.takeOne(`${record.id}-image`);
    const met = record.needs.map(({ need, error, hasDescriptor }, index) => ({
      need,
      supply: { error, fd: hasDescriptor ? this.takeOne(`${record.id}-need-${index}`) : undefined },
    }));
    const whole = met.every(
      ({ supply }, i) => record.needs[i].hasDescriptor === (supply.fd !== undefined),
    );
    if (fuse !== undefined && slots !== undefined && image !== undefined && whole) {
      return { fuse, slots, image, met };
    }
    const found = [fuse, slots, image, ...met.map(({ supply }) => supply.fd)];
    closeForeign(found.flatMap((fd) => fd ?? []));
    return undefined;
  }

  /** What no record speaks of. What belongs to `foreign` ids stays where it is kept. */
  closeRest(foreign: ReadonlySet<string>): void {
    for (const [name, fds] of this.passed) {
      const id = /^(m\d+)-/.exec(name)?.[1];
      if (id === undefined) continue;
      closeForeign(fds);
      if (!foreign.has(id)) this.keeper.forget(name);
    }
    this.passed.clear();
  }

  get info(): DaemonInfo["keeper"] {
    return this.keeper.info;
  }

  end(): void {
    this.keeper.end();
  }

  private reserve(id: string, count: number): boolean {
    const { room = Number.POSITIVE_INFINITY } = this.keeper;
    const held = [...this.kept.values()].reduce((sum, each) => sum + each, 0);
    if (count > room * IMAGE_SHARE || held + count > room) return false;
    this.kept.set(id, count);
    return true;
  }

  private takeOne(name: string): number | undefined {
    const fds = this.passed.get(name);
    const fd = fds?.shift();
    // The same descriptor kept twice comes back twice.
    closeForeign(fds ?? []);
    this.passed.delete(name);
    return fd;
  }
}
