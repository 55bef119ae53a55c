/** What a double-click does: mounts the image unless it is mounted already, and shows the folder. */
import { basename, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { connectIfRunning } from "../client/connect.js";
import type { Connection } from "../client/connection.js";
import { failed } from "../client/failure.js";
import { type ImageRequest, mountImage } from "../client/mount-image.js";
import { findTargets } from "../client/targets.js";
import type { MountInfo } from "../rpc/protocol.js";
import { showFolder } from "./file-manager.js";
import { hasScreen } from "./helper-program.js";
import { notify } from "./notification.js";
import { askInWindow } from "./passphrase-dialog.js";

/** As long as nobody takes it for a delay. */
const ICON_MILLISECONDS = 1000;

/** The person closed the passphrase window: nothing to tell. */
export class Cancelled extends Error {
  override readonly name = "Cancelled";
}

interface Opened {
  mounted: MountInfo;
  /** Of a mount made just now. */
  warnings: readonly string[];
}

/** Throws Failure and RpcFailure as mounting does, and Cancelled. */
export async function openInFileManager(request: ImageRequest): Promise<Opened> {
  const before = withDaemon((connection) => mountsOf(connection, request.image))?.at(-1);
  const mounted = before ?? (await mount(request));
  if (before === undefined && hasScreen()) await showIconInTime(mounted.mountpoint);
  if (hasScreen() && !(await showFolder(mounted.mountpoint))) {
    await notify({
      severity: "warning",
      title: `${basename(request.image)} is mounted`,
      text: `No program was found to show the folder ${mounted.mountpoint}`,
    });
  }
  return { mounted, warnings: before === undefined ? mounted.warnings : [] };
}

/**
 * Every mount of the image, or the one on this folder. Throws Failure where there is none, RpcFailure
 * where one is in use.
 */
export function unmountImage(target: string): void {
  const unmounted = withDaemon((connection) => {
    const mounts = findTargets(connection.call("list", {}), target).reverse();
    for (const { id } of mounts) connection.call("umount", { target: id });
    return mounts.length;
  });
  if (!unmounted) throw failed(`${resolve(target)} is not mounted`);
}

/** Before the folder is shown, so that its first picture is right; but not at any price. */
async function showIconInTime(mountpoint: string): Promise<void> {
  const { showIcon } = await import("./icon/folder-icon.js");
  const shown = showIcon(mountpoint).catch((error: Error) => {
    // Of the cache: it is full, or not to be written.
    process.stderr.write(`isomount: ${mountpoint} has no icon of its own: ${error.message}\n`);
  });
  await Promise.race([shown, pause(ICON_MILLISECONDS, undefined, { ref: false })]);
}

function withDaemon<T>(use: (connection: Connection) => T): T | undefined {
  const connection = connectIfRunning();
  try {
    return connection && use(connection);
  } finally {
    connection?.close();
  }
}

function mountsOf(connection: Connection, image: string): MountInfo[] {
  const path = resolve(image);
  return connection.call("list", {}).filter((mount) => mount.image === path);
}

async function mount(request: ImageRequest): Promise<MountInfo> {
  const ask: ImageRequest["ask"] = async (tries) => {
    if (!hasScreen()) return request.ask(tries);
    const answer = await askInWindow(basename(request.image), tries);
    if (answer === "cancelled") throw new Cancelled("no passphrase was given");
    // No program could ask: perhaps there is a terminal.
    return answer ?? request.ask(tries);
  };
  return await mountImage({ ...request, mountOptions: {}, ask });
}
