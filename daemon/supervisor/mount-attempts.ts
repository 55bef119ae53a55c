/**
 * What a supervisor is about to mount, on disk from before mount(2) until the mount has its record:
 * if it dies between, its successor finds by this what nobody serves, and takes it away.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FILESYSTEM_TYPE } from "../../fs-adapter/mounting/mount.js";
import { type MountEntry, readMountinfo } from "../../fs-adapter/mounting/mountinfo.js";
import type { StateRecord } from "./state-record.js";

const NAME = /^(m\d+)\.mounting$/;

export interface MountAttempt extends Pick<StateRecord, "id" | "uid" | "made" | "mountpoint"> {
  /** What lay on the mountpoint before, by the kernel's number of the mount. */
  earlier: number[];
}

export class MountAttempts {
  /** `folder`: the runtime folder. */
  constructor(private readonly folder: string) {}

  begin(attempt: Omit<MountAttempt, "earlier">): void {
    const { mountpoint } = attempt;
    const there = readMountinfo().filter((entry) => entry.mountpoint === mountpoint);
    const whole = { ...attempt, earlier: there.map(({ mountId }) => mountId) };
    try {
      writeFileSync(this.path(attempt.id), JSON.stringify(whole), { mode: 0o600 });
    } catch {
      // The record, which comes next, fares no better, and says so.
    }
  }

  end(id: string): void {
    rmSync(this.path(id), { force: true });
  }

  /** What an earlier supervisor has begun and not ended. */
  load(): MountAttempt[] {
    const begun = readdirSync(this.folder).flatMap((name) => NAME.exec(name)?.[1] ?? []);
    return begun.flatMap((id) => {
      try {
        return [JSON.parse(readFileSync(this.path(id), "utf8")) as MountAttempt];
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        // It died while it wrote, or there was no room: no more is known.
        this.end(id);
        return [];
      }
    });
  }

  private path(id: string): string {
    return join(this.folder, `${id}.mounting`);
  }
}

/** What has come of it, if that is there; `known`: the devices of mounts that have records. */
export function mountOf(
  { mountpoint, earlier }: MountAttempt,
  there: readonly MountEntry[],
  known: ReadonlySet<string>,
): MountEntry | undefined {
  const ours = `user_id=${process.getuid!()}`;
  return there.find(
    (entry) =>
      entry.mountpoint === mountpoint &&
      entry.type === FILESYSTEM_TYPE &&
      entry.options.split(",").includes(ours) &&
      !earlier.includes(entry.mountId) &&
      !known.has(entry.device),
  );
}
