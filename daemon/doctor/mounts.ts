/** Mounts that no daemon knows: found in the kernel's list, and never touched. */
import type { MountEntry } from "../../fs-adapter/mounting/mountinfo.js";
import type { StateRecord } from "../supervisor/state-record.js";
import type { DaemonAnswer } from "./daemons.js";
import { type Finding, fine, lack } from "./finding.js";
import { shellWord } from "./shell-word.js";

export interface KnownMounts {
  /** Of every daemon that could be asked. */
  answers: readonly DaemonAnswer[];
  /** Of daemons that ended and left their mounts to the next one. */
  records: readonly Pick<StateRecord, "mountpoint" | "device">[];
}

/** One finding for each; one where there are none. Others' mounts are root's business alone. */
export function staleMounts(
  entries: readonly MountEntry[],
  { answers, records }: KnownMounts,
  uid: number,
): Finding[] {
  const subject = "stale mounts";
  const known = new Set(answers.flatMap(({ mounts }) => mounts.map((mount) => mount.mountpoint)));
  for (const { mountpoint } of records) known.add(mountpoint);
  const stale = entries.filter(
    (entry) => !known.has(entry.mountpoint) && (uid === 0 || owner(entry) === uid),
  );
  if (stale.length === 0) return [fine(subject, "none")];
  // A daemon that does not answer may well know them.
  const silent = answers.some(({ info }) => info === undefined);
  const found = silent ? "no daemon that answers knows" : "no daemon knows";
  return stale.map(({ mountpoint, source }) =>
    lack(
      "warning",
      subject,
      `${found} ${mountpoint} (${source})`,
      "whoever looks into it gets an error, or waits",
      `${uid === 0 ? "umount -l" : "fusermount3 -uz"} ${shellWord(mountpoint)}`,
    ),
  );
}

function owner({ options }: MountEntry): number {
  return Number(/(?:^|,)user_id=(\d+)/.exec(options)?.[1]);
}
