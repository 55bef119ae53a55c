/** Reaching root's daemon as a member of the group that it serves. */
import { lstatSync } from "node:fs";
import { groupSocket } from "../rpc/group-socket.js";
import { connect } from "./connect.js";
import { Connection } from "./connection.js";
import { codeOf, reasonOf, systemFailure } from "./failure.js";

const HOW =
  'root lets a group in: systemctl enable --now isomountd-group.socket, or group = "NAME" in /etc/isomountd.toml';

/** Starts nothing, except by systemd's socket. For root, who needs no group, the daemon of root. */
export async function connectSystem(path = groupSocket()): Promise<Connection> {
  if (process.getuid!() === 0) return connect();
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) {
    throw systemFailure(
      `the system's daemon serves no group: ${path} is not there`,
      undefined,
      HOW,
    );
  }
  // It is handed open images and passphrases.
  if (!stat.isSocket() || stat.uid !== 0) {
    throw systemFailure(`${path} is no socket of root's`);
  }
  try {
    return Connection.open(path);
  } catch (error) {
    const code = codeOf(error);
    const hints: Record<string, string> = {
      EACCES: `be a member of group ${stat.gid}, since this login`,
      ECONNREFUSED: "no daemon runs: systemctl start isomountd",
    };
    const hint = hints[code ?? ""];
    throw systemFailure(`cannot reach the system's daemon: ${reasonOf(error)}`, error, hint);
  }
}
