/**
 * Decides when an image of a folder is whole, and when it has left. Given what lies in the folder
 * and the time, and nothing else: it touches no file.
 *
 * A file is whole when it has not changed for a moment and nobody has it open for writing; where
 * that cannot be found out, when it has not changed for longer.
 */
import { type Candidate, candidates } from "./image-names.js";

export interface FileFacts {
  name: string;
  /** Bytes; of a bundle, anything but 0. */
  size: number;
  /** Changes with the file: its place, size and time of change. */
  signature: string;
}

/** Whether somebody has it open for writing; undefined where that is not to be known. */
export type WriterCheck = (name: string) => boolean | undefined;

/** Milliseconds without a change. */
const QUIET = 1000;
const QUIET_WITHOUT_CHECK = 5000;
/** How long a sheet waits for data that is named after it; then it says itself what it lacks. */
const SHEET_PATIENCE = 10_000;
/** A file that is held open for writing is looked at again. */
const RETRY = 1000;

interface Tracked {
  signature: string;
  /** When it was first seen like this. */
  since: number;
  isWhole: boolean;
}

export interface Changes {
  arrived: string[];
  left: string[];
  /** Milliseconds until there may be more; undefined where only a change brings more. */
  again?: number;
}

export class FolderState {
  private readonly files = new Map<string, Tracked>();
  /** What was announced and has not left, with the data of sheets. */
  private readonly present = new Map<string, readonly string[]>();
  /** Sheets whose data was missing: offered again when there is something new. */
  private readonly lacking = new Set<string>();

  look(there: readonly FileFacts[], now: number, isBeingWritten: WriterCheck): Changes {
    const changed = this.track(there, now);
    const wanted = candidates(there.map(({ name }) => name));
    const names = new Set(wanted.map(({ name }) => name));
    const left = [...this.present]
      .filter(
        ([name, data]) => !names.has(name) || [name, ...data].some((each) => changed.has(each)),
      )
      .map(([name]) => name);
    for (const name of left) this.forget(name);
    const sizes = new Map(there.map(({ name, size }) => [name, size]));
    const waits: number[] = [];
    let somethingNew = false;
    const wait = (name: string): number => {
      const before = this.files.get(name)?.isWhole;
      const time = this.untilWhole(name, sizes.get(name) ?? 0, now, isBeingWritten);
      if (!before && time === 0) somethingNew = true;
      return time;
    };
    const ready = wanted.filter((candidate) => {
      const time = Math.max(
        ...[candidate.name, ...candidate.data].map(wait),
        this.untilPatient(candidate, now),
      );
      if (Number.isFinite(time) && time > 0) waits.push(time);
      return time === 0;
    });
    const arriving = ready.filter(
      ({ name }) => !this.present.has(name) || (somethingNew && this.lacking.has(name)),
    );
    for (const { name, data } of arriving) {
      this.present.set(name, data);
      this.lacking.delete(name);
    }
    const arrived = arriving.map(({ name }) => name);
    return { arrived, left, again: waits.length === 0 ? undefined : Math.min(...waits) };
  }

  /** The sheet names files that are not there, or not yet. */
  lacks(name: string): void {
    if (this.present.has(name)) this.lacking.add(name);
  }

  /** Names whose file is another one than before, or gone. */
  private track(there: readonly FileFacts[], now: number): Set<string> {
    const changed = new Set<string>();
    const names = new Set(there.map(({ name }) => name));
    for (const name of this.files.keys()) {
      if (names.has(name)) continue;
      this.files.delete(name);
      changed.add(name);
    }
    for (const { name, signature } of there) {
      const tracked = this.files.get(name);
      if (tracked?.signature === signature) continue;
      if (tracked !== undefined) changed.add(name);
      this.files.set(name, { signature, since: now, isWhole: false });
    }
    return changed;
  }

  private forget(name: string): void {
    this.present.delete(name);
    this.lacking.delete(name);
  }

  /** Milliseconds; 0 where it is whole, infinite where only a change can make it so. */
  private untilWhole(name: string, size: number, now: number, isBeingWritten: WriterCheck): number {
    const tracked = this.files.get(name);
    if (tracked === undefined) return Number.POSITIVE_INFINITY;
    if (tracked.isWhole) return 0;
    // Browsers keep the name free with an empty file.
    if (size === 0) return Number.POSITIVE_INFINITY;
    const quiet = now - tracked.since;
    if (quiet < QUIET) return QUIET - quiet;
    const written = isBeingWritten(name);
    if (written === true) return RETRY;
    if (written === undefined && quiet < QUIET_WITHOUT_CHECK) return QUIET_WITHOUT_CHECK - quiet;
    tracked.isWhole = true;
    return 0;
  }

  private untilPatient({ name, isSheet, data }: Candidate, now: number): number {
    const since = this.files.get(name)?.since ?? now;
    if (!isSheet || data.length > 0) return 0;
    return Math.max(0, SHEET_PATIENCE - (now - since));
  }
}
