/** What is mounted, as the kernel lists it: never by stat, which hangs on a dead server. */
import { readFileSync } from "node:fs";

export interface MountEntry {
  mountId: number;
  /** `0:52`: the superblock's device, which also names a FUSE connection. */
  device: string;
  mountpoint: string;
  type: string;
  source: string;
  /** Of the superblock: `ro,user_id=1000,group_id=1000`. */
  options: string;
}

/** proc(5), "/proc/pid/mountinfo": octal escapes stand for space, tab, newline, backslash and #. */
function decode(text: string): string {
  const bytes = text.replace(/\\([0-7]{3})/g, (_, octal) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
  return Buffer.from(bytes, "latin1").toString("utf8");
}

export function parseMountinfo(text: string): MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of text.split("\n")) {
    const fields = line.split(" ");
    const dash = fields.indexOf("-", 6);
    if (dash < 0) continue;
    entries.push({
      mountId: Number(fields[0]),
      device: fields[2],
      mountpoint: decode(fields[4]),
      type: fields[dash + 1],
      source: decode(fields[dash + 2]),
      options: fields[dash + 3] ?? "",
    });
  }
  return entries;
}

export function readMountinfo(): MountEntry[] {
  return parseMountinfo(readFileSync("/proc/self/mountinfo", "latin1"));
}

/** Served by a program, which may not answer. */
export function isFuse({ type }: MountEntry): boolean {
  return /^fuse(blk|\.|$)/.test(type);
}

/**
 * Where a superblock is mounted now, `usual` if there: a folder above it may have been renamed. Of
 * what lies on top of one another on one folder, only the uppermost can be unmounted by its path.
 */
export function findMountpoint(
  device: string,
  usual: string,
): { mountpoint: string; covered: boolean } | undefined {
  const entries = readMountinfo();
  const ours = entries.filter((entry) => entry.device === device).map((entry) => entry.mountpoint);
  if (ours.length === 0) return undefined;
  const mountpoint = ours.includes(usual) ? usual : ours[0];
  const top = entries.findLast((entry) => entry.mountpoint === mountpoint);
  return { mountpoint, covered: top?.device !== device };
}
