/**
 * What a unit has mounted, noted for when it is stopped: the same image may be mounted elsewhere as
 * well, by somebody else.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type MountEntry, readMountinfo } from "../../fs-adapter/mounting/mountinfo.js";
import { codeOf } from "../client/failure.js";
import { ensureRuntimeFolder, runtimeFolder } from "../rpc/runtime-folder.js";

type Note = Pick<MountEntry, "mountId" | "device" | "source">;

/** `instance` as it stands in the unit's name, so that it is no longer than a file's name may be. */
function noteOf(instance: string, folder: string): string {
  return join(folder, `unit-${instance}.json`);
}

/** What was mounted on `mountpoint` last. */
export function noteMount(
  instance: string,
  mountpoint: string,
  there: readonly MountEntry[] = readMountinfo(),
  folder = ensureRuntimeFolder(),
): void {
  const entry = there.findLast((each) => each.mountpoint === mountpoint);
  // Unmounted again already.
  if (entry === undefined) return;
  const { mountId, device, source }: Note = entry;
  const text = JSON.stringify({ mountId, device, source });
  writeFileSync(noteOf(instance, folder), text, { mode: 0o600 });
}

/**
 * Where it is now, since a folder above may have been renamed; nowhere, if it is gone. Undefined where
 * nothing was noted.
 */
export function notedMounts(
  instance: string,
  there: readonly MountEntry[] = readMountinfo(),
  folder = runtimeFolder(),
): string[] | undefined {
  let note: Note;
  try {
    note = JSON.parse(readFileSync(noteOf(instance, folder), "utf8")) as Note;
  } catch (error) {
    // Half written, as by a start that was killed: as if it had not been.
    if (codeOf(error) === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw error;
  }
  const { mountId, device, source } = note;
  return there
    .filter((each) => each.mountId === mountId && each.device === device && each.source === source)
    .map(({ mountpoint }) => mountpoint);
}

export function forgetMount(instance: string): void {
  rmSync(noteOf(instance, runtimeFolder()), { force: true });
}
