/** isomount@.service: an image that is named by the instance, or in a file that the instance names. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { runMount } from "../cli/mount-command.js";
import type { RawOption } from "../cli/option-string.js";
import { connectIfNeeded } from "../client/connect.js";
import { RpcFailure } from "../client/connection.js";
import { ExitCode, failed, reasonOf } from "../client/failure.js";
import { findTargets } from "../client/targets.js";
import type { MountInfo } from "../rpc/protocol.js";
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

/** Mounted already is as good: the daemon may have outlived the unit's last run. */
export async function mountUnit({ image, mountpoint, options }: ImageUnit): Promise<ExitCode> {
  if ((await mountsOf({ image, mountpoint })).length > 0) return ExitCode.ok;
  if (mountpoint !== undefined) makeFolder(mountpoint);
  return runMount({ image, mountpoint, options: options satisfies RawOption[], verbose: true });
}

/** As systemd does for its own mount units; they stay, too. */
function makeFolder(mountpoint: string): void {
  try {
    mkdirSync(mountpoint, { recursive: true });
  } catch (error) {
    throw failed(`cannot make the mountpoint ${mountpoint}: ${reasonOf(error)}`, error);
  }
}

/** Nothing mounted is as good. What is in use is detached, and ends with its last use. */
export async function unmountUnit(unit: ImageUnit): Promise<ExitCode> {
  const found = await mountsOf(unit);
  const connection = await connectIfNeeded();
  try {
    for (const { id } of found.reverse()) {
      try {
        connection?.call("umount", { target: id });
      } catch (error) {
        if (!(error instanceof RpcFailure) || error.data.code !== "EBUSY") throw error;
        connection?.call("umount", { target: id, lazy: true });
      }
    }
  } finally {
    connection?.close();
  }
  return ExitCode.ok;
}

async function mountsOf({
  image,
  mountpoint,
}: Pick<ImageUnit, "image" | "mountpoint">): Promise<MountInfo[]> {
  const connection = await connectIfNeeded();
  try {
    const mounts = connection?.call("list", {}) ?? [];
    const ofImage = mounts.filter((mount) => mount.image === image);
    return mountpoint === undefined ? ofImage : findTargets(ofImage, mountpoint);
  } finally {
    connection?.close();
  }
}
