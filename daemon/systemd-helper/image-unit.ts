/** isomount@.service: an image that is named by the instance, or in a file that the instance names. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { runMount } from "../cli/mount-command.js";
import { detach } from "../client/detach.js";
import { ExitCode, failed, reasonOf } from "../client/failure.js";
import { ourMounts } from "../client/mount-table.js";
import { type ImageUnit, parseImageUnit } from "./unit-file.js";

/** Where administrators, and users, write their files. */
function configurationFolder(): string {
  if (process.getuid!() === 0) return "/etc/isomount";
  const home = process.env.XDG_CONFIG_HOME;
  return join(home && isAbsolute(home) ? home : join(homedir(), ".config"), "isomount");
}

/**
 * `instance` as it stands in the unit's name, `path` as systemd unescapes it. A file of that name
 * goes before an image.
 */
export function findImageUnit(
  instance: string,
  path: string,
  folder = configurationFolder(),
): ImageUnit {
  const file = join(folder, `${instance}.toml`);
  if (existsSync(file)) return readUnitFile(file);
  if (existsSync(path)) return { image: path, options: [] };
  throw failed(`there is neither ${file} nor an image ${path}`);
}

function readUnitFile(file: string): ImageUnit {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw failed(`cannot read ${file}: ${reasonOf(error)}`, error);
  }
  return parseImageUnit(text, file);
}

/** Mounted already is as good: the mount may have outlived the unit's last run. */
export async function mountUnit(unit: ImageUnit): Promise<ExitCode> {
  if (mountpointsOf(unit).length > 0) return ExitCode.ok;
  if (unit.mountpoint !== undefined) makeFolder(unit.mountpoint);
  return runMount({ ...unit, verbose: true });
}

/** As systemd does for its own mount units; they stay, too. */
function makeFolder(mountpoint: string): void {
  try {
    mkdirSync(mountpoint, { recursive: true });
  } catch (error) {
    throw failed(`cannot make the mountpoint ${mountpoint}: ${reasonOf(error)}`, error);
  }
}

/**
 * Nothing mounted is as good. Without the daemon, which sees by itself that a mount is gone: at
 * shutdown it may have ended already, and must not be started any more.
 */
export async function unmountUnit(unit: ImageUnit): Promise<ExitCode> {
  for (const mountpoint of mountpointsOf(unit).reverse()) await detach(mountpoint);
  return ExitCode.ok;
}

function mountpointsOf({ image, mountpoint, options }: ImageUnit): string[] {
  const source = options.findLast(({ name }) => name === "fsname")?.value ?? image;
  return ourMounts()
    .filter((entry) => entry.source === source)
    .map((entry) => entry.mountpoint)
    .filter((path) => mountpoint === undefined || path === mountpoint);
}
