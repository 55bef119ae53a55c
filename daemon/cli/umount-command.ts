/** `isomount umount TARGET...`. */
import { resolve } from "node:path";
import { unmountFuse } from "../../fs-adapter/mounting/mount.js";
import { connectIfNeeded } from "../client/connect.js";
import { connectSystem } from "../client/connect-system.js";
import { type Connection, ConnectionLost, RpcFailure } from "../client/connection.js";
import { ExitCode, failed, usage } from "../client/failure.js";
import { describeHolders, holdersOf } from "../client/holders.js";
import { ourMounts } from "../client/mount-table.js";
import { findTargets } from "../client/targets.js";
import type { MountInfo } from "../rpc/protocol.js";
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
  const daemon = new Reached(system);
  await daemon.reach();
  try {
    const chosen = all ? idsOfAll(await daemon.list(), system) : targets;
    let exitCode: ExitCode = ExitCode.ok;
    for (const target of chosen) {
      try {
        await unmount(daemon, target, lazy);
      } catch (error) {
        exitCode = report(error, json);
      }
    }
    return exitCode;
  } finally {
    daemon.close();
  }
}

/** The daemon, or the one after it. */
class Reached {
  connection: Connection | undefined;

  constructor(private readonly system: boolean) {}

  async reach(): Promise<void> {
    this.close();
    this.connection = this.system ? await connectSystem() : await connectIfNeeded();
  }

  close(): void {
    this.connection?.close();
    this.connection = undefined;
  }

  async list(): Promise<MountInfo[]> {
    try {
      return this.connection?.call("list", {}) ?? [];
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      await this.reach();
      return this.connection?.call("list", {}) ?? [];
    }
  }
}

/** The latest first, since it may lie upon or within an earlier one. */
function idsOfAll(mounts: readonly MountInfo[], system: boolean): string[] {
  // The system's daemon has those of others as well.
  const uid = process.getuid!();
  const ours = system ? mounts.filter((mount) => mount.uid === uid) : mounts;
  return ours.map((mount) => mount.id).reverse();
}

async function unmount(daemon: Reached, target: string, lazy: boolean): Promise<void> {
  // As of an unset variable: resolved, it would be the working directory.
  if (target === "") throw usage("the name of what to unmount is empty");
  const found = findTargets(await daemon.list(), target);
  if (found.length === 0) return unmountOrphan(target);
  for (const { id, mountpoint } of found.reverse()) {
    try {
      await unmountOne(daemon, id, lazy);
    } catch (error) {
      if (!(error instanceof RpcFailure) || error.data.code !== "EBUSY") throw error;
      const who = describeHolders(holdersOf(mountpoint));
      throw new RpcFailure(`${error.message}${who}`, error.code, error.data);
    }
  }
}

/** A daemon that dies over it may have done so before or after: its successor knows the mount by id. */
async function unmountOne(daemon: Reached, id: string, lazy: boolean): Promise<void> {
  try {
    daemon.connection?.call("umount", { target: id, lazy });
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error;
    await daemon.reach();
    // Unmounted lazily, it is still there until its last file is closed.
    const isThere = (await daemon.list()).some(
      (mount) => mount.id === id && !(lazy && mount.state === "detached"),
    );
    if (isThere) daemon.connection?.call("umount", { target: id, lazy });
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
