/** Has systemd keep the daemon, or not any more. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { connectIfRunning } from "../client/connect.js";
import { failed, usage } from "../client/failure.js";
import { markLine, putFile, removeFile } from "./files.js";
import { helperPath, helperText } from "./mount-helper.js";
import { isRunning, type Scope, unitFolder, unitNames } from "./scope.js";
import { systemctl } from "./systemctl.js";
import { shippedUnit, unitText } from "./unit-text.js";

const SOCKET = "isomountd.socket";
const SERVICE = "isomountd.service";
const UNIT_MODE = 0o644;
const PROGRAM_MODE = 0o755;

/** What was done, a line each. Done twice, it changes nothing the second time. */
export function install(scope: Scope): string[] {
  refuseOtherUser(scope);
  const done: string[] = [];
  for (const name of unitNames[scope]) {
    const path = join(unitFolder(scope), name);
    const text = `${markLine}${unitText(shippedUnit(scope, name))}`;
    if (putFile(path, text, UNIT_MODE)) done.push(`wrote ${path}`);
  }
  const changed = done.length > 0;
  if (scope === "system" && putFile(helperPath, helperText(), PROGRAM_MODE)) {
    done.push(`wrote ${helperPath}: mount -t isomount works`);
  }
  if (isRunning(scope)) return [...done, ...start(scope, changed)];
  if (changed) {
    systemctl(scope, "enable", SOCKET);
    done.push(`enabled ${SOCKET} for the next ${scope === "system" ? "boot" : "login"}`);
  }
  return done;
}

/** What is mounted stays mounted: systemd's daemon takes it over from one that runs without it. */
function start(scope: Scope, changed: boolean): string[] {
  if (changed) systemctl(scope, "daemon-reload");
  if (isActive(scope)) {
    if (changed) systemctl(scope, "try-restart", SERVICE);
    return [];
  }
  const mounts = endDaemonOutsideSystemd();
  systemctl(scope, "enable", "--now", SOCKET);
  if (mounts > 0) systemctl(scope, "start", SERVICE);
  return [`enabled ${SOCKET}: systemd starts the daemon when it is needed`];
}

function isActive(scope: Scope): boolean {
  return systemctl(scope, "show", "--property=ActiveState", SOCKET).trim() === "ActiveState=active";
}

/** How many mounts it left to the next one. */
function endDaemonOutsideSystemd(): number {
  const connection = connectIfRunning();
  if (connection === undefined) return 0;
  try {
    const { mounts } = connection.call("daemon", {});
    connection.call("shutdown", { keepMounts: true });
    return mounts;
  } finally {
    connection.close();
  }
}

/** Refused while something is mounted, as stopping the daemon is. */
export function uninstall(scope: Scope): string[] {
  refuseOtherUser(scope);
  if (isRunning(scope)) refuseWhileMounted();
  const done: string[] = [];
  const names = unitNames[scope].filter((name) => existsSync(join(unitFolder(scope), name)));
  if (names.length > 0) {
    // Instances of templates as well.
    systemctl(scope, "disable", ...names);
    if (isRunning(scope)) systemctl(scope, "stop", SOCKET, SERVICE);
  }
  const paths = names.map((name) => join(unitFolder(scope), name));
  for (const path of scope === "system" ? [...paths, helperPath] : paths) {
    if (removeFile(path)) done.push(`removed ${path}`);
  }
  if (isRunning(scope) && names.length > 0) systemctl(scope, "daemon-reload");
  return done;
}

function refuseWhileMounted(): void {
  const connection = connectIfRunning();
  if (connection === undefined) return;
  try {
    const { mounts } = connection.call("daemon", {});
    if (mounts === 0) return;
    throw failed(
      mounts === 1 ? "1 image is still mounted" : `${mounts} images are still mounted`,
      undefined,
      "unmount them first: isomount umount --all",
    );
  } finally {
    connection.close();
  }
}

function refuseOtherUser(scope: Scope): void {
  const isRoot = process.getuid!() === 0;
  if (scope === "system" && !isRoot) {
    throw usage("the system's units are root's", "sudo isomount daemon install, or --user");
  }
  if (scope === "user" && isRoot) {
    throw usage("root's daemon is the system's: leave out --user");
  }
}
