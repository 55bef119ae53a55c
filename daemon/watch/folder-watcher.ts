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
  private isAway = false;

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
    const { arrived, left, again } = this.state.look(this.files(), performance.now(), (name) =>
      isBundle(name) ? undefined : isBeingWritten(join(this.folder, name)),
    );
    // In this order, since a file that has changed does both.
    for (const name of left) this.events.left(join(this.folder, name));
    for (const name of arrived) this.events.arrived(join(this.folder, name));
    this.lookIn(Math.min(again ?? POLL_MILLISECONDS, POLL_MILLISECONDS));
  }

  /** A folder that comes back is another one, and has to be watched anew. */
  private listen(): void {
    if (this.watcher !== undefined && !this.isAway) return;
    this.watcher?.close();
    this.watcher = undefined;
    try {
      this.watcher = watch(this.folder, () => this.lookIn(BURST_MILLISECONDS));
      this.watcher.on("error", () => {
        this.isAway = true;
      });
    } catch (error) {
      // Gone: told when it is read. Too many watches: it is looked at now and then.
      if (codeOf(error) !== "ENOENT") {
        this.events.problem(`changes of ${this.folder} are seen late: ${reasonOf(error)}`);
      }
    }
  }

  private files(): FileFacts[] {
    let names: string[];
    try {
      names = readdirSync(this.folder);
    } catch (error) {
      if (!this.isAway) this.events.problem(`${this.folder} cannot be read: ${reasonOf(error)}`);
      this.isAway = true;
      return [];
    }
    this.isAway = false;
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
    } catch {
      // Left in this very moment, a link to nowhere, or not ours to see.
      return undefined;
    }
  }
}

function signature({ dev, ino, size, mtimeMs }: Stats): string {
  return `${dev}:${ino}:${size}:${mtimeMs}`;
}
