/**
 * isomountd.service has ended, whatever way. Where it comes back, nothing is to be done: servers
 * answer on, and the next daemon takes them over. Where it was stopped for good nobody would revive
 * them, so everything is unmounted.
 */
import { execFile } from "node:child_process";
import { closeSync, existsSync } from "node:fs";
import { promisify } from "node:util";
import { abortConnection } from "../../fs-adapter/mounting/abort.js";
import { unmountFuse } from "../../fs-adapter/mounting/mount.js";
import { readMountinfo } from "../../fs-adapter/mounting/mountinfo.js";
import { check, unlinkat } from "../../fs-adapter/system/libc.js";
import { codeOf } from "../client/failure.js";
import { runtimeFolder } from "../rpc/runtime-folder.js";
import { isEnding } from "../supervisor/known-process.js";
import { type MadeFolder, reopenMadeFolder } from "../supervisor/made-folder.js";
import { StateFolder, type StateRecord } from "../supervisor/state-record.js";

const UNIT = "isomountd.service";
const AT_REMOVEDIR = 0x200;

/** Only a job of systemd's to stop it means that; one to restart it, or none after a crash, does not. */
export async function isStoppedForGood(): Promise<boolean> {
  const scope = process.getuid!() === 0 ? "--system" : "--user";
  const parameters = [scope, "list-jobs", "--no-legend", "--no-pager", "--plain"];
  const { stdout } = await promisify(execFile)("systemctl", parameters, { timeout: 10_000 });
  return jobTypes(stdout, UNIT).includes("stop");
}

/** `text` as `systemctl list-jobs` prints it: id, unit, type, state. */
export function jobTypes(text: string, unit: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, name]) => name === unit)
    .map(([, , type]) => type);
}

/** Unmounts what the daemon's records name. What fails does not keep the rest from being tried. */
export async function cleanUp(folder = runtimeFolder()): Promise<void> {
  if (!existsSync(folder)) return;
  const state = new StateFolder(folder);
  const records = state.load((file, reason) => console.error(`${file} is left alone: ${reason}`));
  // The latest first, since it may lie upon or within an earlier one.
  for (const record of records.reverse()) {
    try {
      await unmount(record);
      state.remove(record.id);
    } catch (error) {
      console.error(`${record.mountpoint}: ${(error as Error).message}`);
    }
  }
}

async function unmount(record: StateRecord): Promise<void> {
  const { mountpoint, device } = record;
  const there = readMountinfo().some(
    (entry) => entry.mountpoint === mountpoint && entry.device === device,
  );
  if (there) {
    // Its readers would wait for ever: systemd may go on holding the connection.
    if (isEnding(record)) abortConnection(device);
    await unmountFuse(mountpoint, true);
  }
  const folder = reopenMadeFolder(record);
  if (folder !== undefined) removeMade(folder);
}

function removeMade({ parent, name }: MadeFolder): void {
  try {
    check(unlinkat(parent, name, AT_REMOVEDIR), "unlinkat");
  } catch (error) {
    // Somebody was quicker, or has put something there.
    if (!["ENOENT", "ENOTEMPTY", "ENOTDIR"].includes(codeOf(error) ?? "")) throw error;
  } finally {
    closeSync(parent);
  }
}
