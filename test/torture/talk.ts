/**
 * What the killer asks of the daemon, from this process: on a slow machine each command of the
 * program would take the time of several strokes to start.
 */
import { Connection } from "../../daemon/client/connection.js";
import { startDaemon } from "../../daemon/client/start-daemon.js";
import type { DaemonInfo } from "../../daemon/rpc/protocol.js";
import { controlSocket } from "../../daemon/rpc/runtime-folder.js";
import { type Isomount, program } from "../support/isomount.js";

const isomountd = program.replace(/isomount\.js$/, "isomountd.js");
/** A daemon that starts takes as long in User-Mode Linux. */
const ANSWER_SECONDS = 30;

/** Empty where no daemon answers. */
export function daemonInfo(runtime: string): Partial<DaemonInfo> {
  return ask(runtime, (connection) => connection.call("daemon", {})) ?? {};
}

/** As `isomount daemon restart`. Says what went wrong, since the daemon may have died before. */
export function restartDaemon({ runtime, surroundings }: Isomount): string | undefined {
  ask(runtime, (connection) => connection.call("shutdown", { keepMounts: true }));
  const own = process.env;
  // The daemon inherits it.
  process.env = { ...surroundings.env };
  try {
    startDaemon(isomountd, runtime);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    process.env = own;
  }
}

function ask<Result>(
  runtime: string,
  what: (connection: Connection) => Result,
): Result | undefined {
  let connection: Connection;
  try {
    connection = Connection.open(controlSocket(runtime), ANSWER_SECONDS);
  } catch {
    // Nobody listens.
    return undefined;
  }
  try {
    return what(connection);
  } catch {
    // It has been killed meanwhile.
    return undefined;
  } finally {
    connection.close();
  }
}
