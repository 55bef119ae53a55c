/** isomount@.service: an image that is named by the instance, or in a file that the instance names. */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readlinkSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { mount, tell } from "../cli/mount-command.js";
import { parseOptions } from "../cli/mount-options.js";
import { detach } from "../client/detach.js";
import { codeOf, ExitCode, Failure, failed, reasonOf, usage } from "../client/failure.js";
import { ourMounts } from "../client/mount-table.js";
import { O_PATH } from "../client/mountpoint.js";
import { unescapeName, unescapePath } from "./instance.js";
import { type ImageUnit, parseImageUnit } from "./unit-file.js";
import { forgetMount, notedMounts, noteMount } from "./unit-mount.js";

/** Where administrators, and users, write their files. */
function configurationFolder(): string {
  if (process.getuid!() === 0) return "/etc/isomount";
  const home = process.env.XDG_CONFIG_HOME;
  return join(home && isAbsolute(home) ? home : join(homedir(), ".config"), "isomount");
}

/**
 * `instance` as it stands in the unit's name. A file of that name goes before an image; systemctl
 * escapes what such a name may not hold, so that `%i` is not what somebody has typed.
 */
export function findImageUnit(instance: string, folder = configurationFolder()): ImageUnit {
  const files = [instance, unescapeName(instance)].map((name) => join(folder, `${name}.toml`));
  const file = files.find((candidate) => existsSync(candidate));
  if (file !== undefined) return readUnitFile(file);
  const path = unescapePath(instance);
  if (existsSync(path)) return { image: path, options: [] };
  throw failed(`there is neither ${files[1]} nor an image ${path}`);
}

function readUnitFile(file: string): ImageUnit {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw failed(`cannot read ${file}: ${reasonOf(error)}`, error);
  }
  const unit = parseImageUnit(text, file);
  try {
    parseOptions(unit.options);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw usage(`${file}: ${error.message}`, error.details.hint);
  }
  return unit;
}

/** Mounted already is as good: the mount may have outlived the unit's last run. */
export async function mountUnit(instance: string): Promise<ExitCode> {
  const unit = findImageUnit(instance);
  const there = unit.mountpoint === undefined ? notedMounts(instance) : mountsOn(unit);
  if (there !== undefined && there.length > 0) return ExitCode.ok;
  if (unit.mountpoint !== undefined) makeFolder(unit.mountpoint);
  const command = { ...unit, verbose: true };
  const mounted = await mount(command);
  try {
    noteMount(instance, mounted.mountpoint);
  } catch (error) {
    // The unit would not know what to stop.
    await detach(mounted.mountpoint);
    throw failed(`cannot note what was mounted: ${reasonOf(error)}`, error);
  }
  tell(mounted, command);
  return ExitCode.ok;
}

/** As systemd does for its own mount units; they stay, too. */
function makeFolder(mountpoint: string): void {
  try {
    mkdirSync(mountpoint, { recursive: true });
  } catch (error) {
    const reason = codeOf(error) === "EEXIST" ? "it is not a folder" : reasonOf(error);
    throw failed(`cannot make the mountpoint ${mountpoint}: ${reason}`, error);
  }
}

/**
 * Only what the unit has mounted, be its file or its image there or not. Nothing mounted is as good.
 * Without the daemon, which sees by itself that a mount is gone: at shutdown it may have ended
 * already, and must not be started any more.
 */
export async function unmountUnit(instance: string): Promise<ExitCode> {
  const there = notedMounts(instance) ?? mountsOn(findImageUnit(instance)).reverse();
  for (const mountpoint of there) await detach(mountpoint);
  forgetMount(instance);
  return ExitCode.ok;
}

/** Those of its image on the mountpoint that the unit names, whoever has mounted them. */
function mountsOn({ image, mountpoint, options }: ImageUnit): string[] {
  if (mountpoint === undefined) return [];
  const source = options.findLast(({ name }) => name === "fsname")?.value ?? resolve(image);
  const place = kernelPath(mountpoint);
  return ourMounts()
    .filter((entry) => entry.source === source && entry.mountpoint === place)
    .map((entry) => entry.mountpoint);
}

/**
 * As the kernel lists it: without symlinks, and without a slash at its end. O_PATH asks the server of
 * what is mounted there nothing.
 */
function kernelPath(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, O_PATH);
  } catch {
    // Not there, so nothing is mounted on it; or out of reach, and its name is all there is.
    return resolve(path);
  }
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}
