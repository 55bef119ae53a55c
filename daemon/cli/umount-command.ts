/** `isomount umount TARGET...`. */
import { resolve } from "node:path";
import { unmountFuse } from "../../fs-adapter/mounting/mount.js";
import { connectIfNeeded } from "../client/connect.js";
import { connectSystem } from "../client/connect-system.js";
import { type Connection, RpcFailure } from "../client/connection.js";
import { ExitCode, failed, usage } from "../client/failure.js";
import { describeHolders, holdersOf } from "../client/holders.js";
import { ourMounts } from "../client/mount-table.js";
import { findTargets } from "../client/targets.js";
import { report } from "./report.js";

export interface UmountCommand {
  targets: readonly string[];
  all: boolean;
  lazy: boolean;
  json: boolean;
  system: boolean;
}

/** One target after the other; what fails does not keep the rest from being unmounted. */
export async function runUmount({
  targets,
  all,
  lazy,
  json,
  system,
}: UmountCommand): Promise<ExitCode> {
  if (all === targets.length > 0) {
    throw usage("umount takes either mountpoints, images and ids, or --all");
  }
  const connection = system ? await connectSystem() : await connectIfNeeded();
  try {
    const chosen = all ? idsOfAll(connection, system) : targets;
    let exitCode: ExitCode = ExitCode.ok;
    for (const target of chosen) {
      try {
        await unmount(connection, target, lazy);
      } catch (error) {
        exitCode = report(error, json);
      }
    }
    return exitCode;
  } finally {
    connection?.close();
  }
}

/** The latest first, since it may lie upon or within an earlier one. */
function idsOfAll(connection: Connection | undefined, system: boolean): string[] {
  const mounts = connection?.call("list", {}) ?? [];
  // The system's daemon has those of others as well.
  const uid = process.getuid!();
  const ours = system ? mounts.filter((mount) => mount.uid === uid) : mounts;
  return ours.map((mount) => mount.id).reverse();
}

async function unmount(connection: Connection | undefined, target: string, lazy: boolean) {
  // As of an unset variable: resolved, it would be the working directory.
  if (target === "") throw usage("the name of what to unmount is empty");
  const found = findTargets(connection?.call("list", {}) ?? [], target);
  if (connection === undefined || found.length === 0) return unmountOrphan(target);
  for (const { id, mountpoint } of found.reverse()) {
    try {
      connection.call("umount", { target: id, lazy });
    } catch (error) {
      if (!(error instanceof RpcFailure) || error.data.code !== "EBUSY") throw error;
      const who = describeHolders(holdersOf(mountpoint));
      throw new RpcFailure(`${error.message}${who}`, error.code, error.data);
    }
  }
}

/** A mount that no daemon knows: lazily, since its server is most likely gone. */
async function unmountOrphan(target: string): Promise<void> {
  const path = resolve(target);
  if (!ourMounts().some((mount) => mount.mountpoint === path)) {
    throw failed(`${target} is not mounted`, undefined, "'isomount list' shows what is");
  }
  try {
    await unmountFuse(path, true);
  } catch (error) {
    throw failed((error as Error).message, error);
  }
}
