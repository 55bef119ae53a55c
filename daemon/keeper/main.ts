/** The process that keeps the descriptors of mounts where systemd does not. */
import "../no-debugger.js";
import { spawn } from "node:child_process";
import { writeSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { DAEMON_FLAGS } from "../rpc/daemon-flags.js";
import { LISTENER_FD } from "../server/messages.js";
import { Keeper } from "./keeper.js";

const isomountd = fileURLToPath(new URL("./isomountd.js", import.meta.url));

/** The log of the supervisor before it is this process's standard error. */
const LOG_FD = 2;

new Keeper(LISTENER_FD, () => {
  const child = spawn(process.execPath, [...DAEMON_FLAGS, isomountd], {
    stdio: ["ignore", LOG_FD, LOG_FD],
    cwd: "/",
    detached: true,
  });
  child.on("error", (error) => writeSync(LOG_FD, `keeper: ${error.message}\n`));
  child.unref();
});
