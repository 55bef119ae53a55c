/** `--foreground`: stays until the mount is gone; an interrupt unmounts. */
import { createConnection } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { connectIfRunning } from "../client/connect.js";
import { Connection } from "../client/connection.js";
import { ExitCode, systemFailure } from "../client/failure.js";
import { groupSocket } from "../rpc/group-socket.js";
import type { MountInfo } from "../rpc/protocol.js";
import { controlSocket, runtimeFolder } from "../rpc/runtime-folder.js";
import { report } from "./report.js";

/** While a daemon is replaced, its mounts go on. */
const RECONNECT_MILLISECONDS = 500;
const RECONNECT_TRIES = 20;

/** Returns when the mount is gone, whoever unmounted it. Throws Failure where the daemon stays away. */
export async function stayInForeground({ id }: MountInfo, system = false): Promise<ExitCode> {
  const interrupted = () => {
    try {
      unmount(id, system);
    } catch (error) {
      // Busy: stay, so that the next interrupt can try again.
      report(error);
    }
  };
  process.on("SIGINT", interrupted).on("SIGTERM", interrupted).on("SIGHUP", interrupted);
  try {
    for (let tries = 0; tries < RECONNECT_TRIES; tries++) {
      const { answered, connected } = await waitUntilGone(id, system);
      if (answered) return ExitCode.ok;
      if (connected) tries = 0;
      await sleep(RECONNECT_MILLISECONDS);
    }
  } finally {
    process.off("SIGINT", interrupted).off("SIGTERM", interrupted).off("SIGHUP", interrupted);
  }
  throw systemFailure("isomountd is gone; the mount was left as it is");
}

/** Of the daemon that has mounted, where it listens for this user. */
function socketOf(system: boolean): string {
  return system && process.getuid!() !== 0 ? groupSocket() : controlSocket(runtimeFolder());
}

function unmount(id: string, system: boolean): void {
  const connection = system ? Connection.open(socketOf(system)) : connectIfRunning();
  if (connection === undefined) return;
  try {
    connection.call("umount", { target: id });
  } finally {
    connection.close();
  }
}

/** By Node's own socket, since signals must be heard meanwhile and no descriptor comes back. */
function waitUntilGone(
  id: string,
  system: boolean,
): Promise<{ answered: boolean; connected: boolean }> {
  return new Promise((resolve) => {
    let connected = false;
    const socket = createConnection(socketOf(system));
    socket.on("connect", () => {
      connected = true;
      const request = { jsonrpc: "2.0", id: 1, method: "wait", params: { id } };
      socket.write(`${JSON.stringify(request)}\n`);
    });
    socket.on("close", () => resolve({ answered: false, connected }));
    const lines = createInterface({ input: socket });
    // Said by `close` as well; readline hands on what the socket says.
    for (const each of [socket, lines]) each.on("error", () => {});
    lines.on("line", (line) => {
      // A result, or the error that there is no such mount: gone in both cases.
      if ((JSON.parse(line) as { id?: number }).id !== 1) return;
      resolve({ answered: true, connected });
      socket.destroy();
    });
  });
}
