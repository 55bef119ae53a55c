/** Watches one folder: tells which images have arrived, whole, and which have left. */
import { type FSWatcher, readdirSync, type Stats, statSync, watch } from "node:fs";
import { join } from "node:path";
import { codeOf, reasonOf } from "../client/failure.js";
import { type FileFacts, FolderState } from "./folder-state.js";
import { isBundle } from "./image-names.js";
import { isBeingWritten } from "./writer-check.js";

/** Changes come in bursts. */
const BURST_MILLISECONDS = 100;
/** For folders whose changes are not told: on network filesystems, or while they are away. */
const POLL_MILLISECONDS = 10_000;

export interface FolderEvents {
  arrived(path: string): void;
  left(path: string): void;
  problem(message: string): void;
}

export class FolderWatcher {
  private readonly state = new FolderState();
  private watcher: FSWatcher | undefined;
  private timer: NodeJS.Timeout | undefined;
  private dueAt = Number.POSITIVE_INFINITY;
  /** Of the folder that is listened to: another may take its place. */
  private identity: string | undefined;
  private isUnreadable = false;
  /** The system has no more watches to give. */
  private isDeaf = false;
  /** As they were when they were seen last. */
  private known = new Map<string, FileFacts>();

  constructor(
    readonly folder: string,
    private readonly events: FolderEvents,
  ) {}

  start(): void {
    this.look();
  }

  close(): void {
    this.watcher?.close();
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** Its sheet names files that are not there. */
  lacks(name: string): void {
    this.state.lacks(name);
  }

  /** The earliest of all appointments counts. */
  private lookIn(milliseconds: number): void {
    const at = performance.now() + milliseconds;
    if (this.timer !== undefined && this.dueAt <= at) return;
    clearTimeout(this.timer);
    this.dueAt = at;
    this.timer = setTimeout(() => this.look(), milliseconds);
  }

  private look(): void {
    this.timer = undefined;
    this.listen();
    const files = this.files();
    this.known = new Map(files.map((file) => [file.name, file]));
    const { arrived, left, again } = this.state.look(files, performance.now(), (name) =>
      isBundle(name) ? undefined : isBeingWritten(join(this.folder, name)),
    );
    // In this order, since a file that has changed does both.
    for (const name of left) this.events.left(join(this.folder, name));
    for (const name of arrived) this.events.arrived(join(this.folder, name));
    this.lookIn(Math.min(again ?? POLL_MILLISECONDS, POLL_MILLISECONDS));
  }

  /** A folder that has come in the place of another has to be listened to anew. */
  private listen(): void {
    try {
      const { dev, ino, birthtimeMs } = statSync(this.folder);
      // The number of one that was removed is often given to the next.
      const identity = `${dev}:${ino}:${birthtimeMs}`;
      if (this.watcher !== undefined && identity === this.identity) return;
      this.watcher?.close();
      this.watcher = undefined;
      this.watcher = watch(this.folder, () => this.lookIn(BURST_MILLISECONDS));
      this.watcher.on("error", () => {
        this.identity = undefined;
      });
      this.identity = identity;
    } catch (error) {
      if (isGone(error)) this.identity = undefined;
      // Gone, or out of reach: told when it is read. Too many watches: it is looked at now and then.
      if (["EMFILE", "ENFILE", "ENOSPC"].includes(codeOf(error) ?? "") && !this.isDeaf) {
        this.isDeaf = true;
        this.events.problem(`changes of ${this.folder} are seen late: ${reasonOf(error)}`);
      }
    }
  }

  private files(): FileFacts[] {
    let names: string[];
    try {
      names = readdirSync(this.folder);
    } catch (error) {
      if (!this.isUnreadable) {
        this.events.problem(`${this.folder} cannot be read: ${reasonOf(error)}`);
      }
      this.isUnreadable = true;
      return isGone(error) ? [] : [...this.known.values()];
    }
    this.isUnreadable = false;
    return names.flatMap((name) => this.facts(name) ?? []);
  }

  private facts(name: string): FileFacts | undefined {
    const path = join(this.folder, name);
    try {
      const stat = statSync(path);
      if (stat.isFile()) return { name, size: stat.size, signature: signature(stat) };
      if (!stat.isDirectory() || !isBundle(name)) return undefined;
      const bands = statSync(join(path, "bands"));
      return { name, size: 1, signature: `${signature(stat)} ${signature(bands)}` };
    } catch (error) {
      return isGone(error) ? undefined : this.known.get(name);
    }
  }
}

/**
 * Left in this very moment, or a link to nowhere. A disk or a network that does not answer for a while
 * takes no image away.
 */
function isGone(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "ELOOP"].includes(codeOf(error) ?? "");
}

function signature({ dev, ino, size, mtimeMs }: Stats): string {
  return `${dev}:${ino}:${size}:${mtimeMs}`;
}
