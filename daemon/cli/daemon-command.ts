/** `isomount daemon start|stop|restart|reload|status`. */
import { connect, connectIfRunning } from "../client/connect.js";
import { ConnectionLost } from "../client/connection.js";
import { ExitCode, systemFailure } from "../client/failure.js";
import type { DaemonInfo } from "../rpc/protocol.js";
import { jsonText } from "./printable.js";

export type DaemonAction = "start" | "stop" | "restart" | "reload" | "status";

export async function runDaemon(action: DaemonAction, json: boolean): Promise<ExitCode> {
  if (action === "stop") return stop(json);
  if (action === "reload") return reload(json);
  if (action === "restart") end(true);
  const connection = action === "status" ? connectIfRunning() : await connect();
  const info = connection?.call("daemon", {});
  connection?.close();
  say(info === undefined ? { running: false } : { running: true, ...info }, statusLine(info), json);
  // As systemctl and service scripts have it for "not running", within mount(8)'s codes.
  return info === undefined ? ExitCode.system : ExitCode.ok;
}

/**
 * Ends the daemon: servers answer on if it may leave its mounts behind, and the next daemon takes
 * them over.
 */
function end(keepMounts: boolean): void {
  const connection = connectIfRunning();
  try {
    connection?.call("shutdown", { keepMounts });
  } catch (error) {
    // It has ended, be it in another way.
    if (!(error instanceof ConnectionLost)) throw error;
  } finally {
    connection?.close();
  }
}

/** Nothing to stop is as good as stopped. Throws RpcFailure while something is mounted. */
function stop(json: boolean): ExitCode {
  end(false);
  say({ running: false }, "isomountd is stopped", json);
  return ExitCode.ok;
}

/** Throws RpcFailure where the configuration is wrong. */
function reload(json: boolean): ExitCode {
  const connection = connectIfRunning();
  if (connection === undefined) throw systemFailure("isomountd is not running: nothing to reload");
  try {
    connection.call("reload", {});
  } finally {
    connection.close();
  }
  say({ reloaded: true }, "isomountd has read its configuration again", json);
  return ExitCode.ok;
}

function say(data: object, line: string, json: boolean): void {
  process.stdout.write(json ? `${jsonText(data)}\n` : `${line}\n`);
}

function statusLine(info: DaemonInfo | undefined): string {
  if (info === undefined) return "isomountd is not running; it starts with the first mount";
  const { version, pid, since, mounts, runtimeFolder } = info;
  const started = new Date(since * 1000).toISOString().replace(/\.\d+Z$/, "Z");
  const count = mounts === 1 ? "1 mount" : `${mounts} mounts`;
  return `isomountd ${version} is running since ${started}: pid ${pid}, ${count}, ${runtimeFolder}`;
}
