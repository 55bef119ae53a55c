/**
 * The records of mounts, each where its mount's next supervisor finds it: on disk or, as long as the
 * disk has no room, in memory beside the mount's descriptors.
 */
import type { DescriptorStore } from "./descriptor-store.js";
import type { Log } from "./log.js";
import { type NewRecord, recordText, type StateFolder } from "./state-record.js";

const AGAIN_MILLISECONDS = 5_000;

interface Recorded {
  readonly id: string;
  readonly facts: { readonly mountpoint: string };
  record(): NewRecord;
}

export class MountRecords {
  /** Those whose records on disk are missing or old. */
  private readonly unsaved = new Set<Recorded>();
  private again: NodeJS.Timeout | undefined;

  constructor(
    private readonly state: Pick<StateFolder, "save">,
    private readonly store: Pick<DescriptorStore, "keepRecord" | "forgetRecord">,
    private readonly log: Pick<Log, "info" | "warn" | "error">,
  ) {}

  /** Throws nothing: a mount that cannot be recorded goes on, and is recorded later. */
  save(mounted: Recorded): void {
    const { mountpoint } = mounted.facts;
    const record = mounted.record();
    try {
      this.state.save(record);
      this.store.forgetRecord(mounted.id);
      if (this.unsaved.delete(mounted)) this.log.info(`${mountpoint}: its record is written now`);
    } catch (error) {
      this.again ??= setTimeout(() => this.saveTheRest(), AGAIN_MILLISECONDS);
      // What is on disk, if anything is, is an earlier one.
      const isKept = this.tryToKeep(record);
      if (this.unsaved.has(mounted)) return;
      this.unsaved.add(mounted);
      const problem = `${mountpoint}: its record cannot be written`;
      const { message } = error as Error;
      if (isKept) this.log.warn(`${problem}, so it is kept in memory: ${message}`);
      else {
        const cost = "until it can be, the mount will not survive a restart of isomountd";
        this.log.error(`${problem}; ${cost}: ${message}`);
      }
    }
  }

  /** The mount is gone. What it has given back may be the room that others lack. */
  forget(mounted: Recorded): void {
    this.unsaved.delete(mounted);
    this.saveTheRest();
  }

  /** Also before the process ends. */
  saveTheRest(): void {
    clearTimeout(this.again);
    this.again = undefined;
    for (const mounted of this.unsaved) this.save(mounted);
  }

  private tryToKeep(record: NewRecord): boolean {
    try {
      this.store.keepRecord(record.id, recordText(record));
      return true;
    } catch {
      // For want of descriptors, which is why the disk could not be written either.
      return false;
    }
  }
}
