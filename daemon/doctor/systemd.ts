/** Whether systemd keeps the daemon, and what fstab needs of it. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Finding, fine, lack } from "./finding.js";

const UNITS = ["isomountd.socket", "isomountd.service"];
const PROPERTIES = "Id,LoadState,ActiveState,UnitFileState,NeedDaemonReload";

interface UnitState {
  Id: string;
  LoadState: string;
  ActiveState: string;
  UnitFileState: string;
  NeedDaemonReload: string;
}

/** Undefined where this is no machine, or no session, that systemd runs. */
export async function unitStates(isRoot: boolean): Promise<string | undefined> {
  if (!existsSync("/run/systemd/system")) return undefined;
  const scope = isRoot ? "--system" : "--user";
  try {
    const parameters = [scope, "show", `--property=${PROPERTIES}`, ...UNITS];
    const { stdout } = await promisify(execFile)("systemctl", parameters, { timeout: 10_000 });
    return stdout;
  } catch {
    // A user without a session of systemd's: cron, su.
    return undefined;
  }
}

/** `text` as `systemctl show` prints it: paragraphs of `Name=value`. */
export function units(text: string | undefined, isRoot: boolean): Finding {
  const subject = "systemd";
  const install = isRoot ? "isomount daemon install" : "isomount daemon install --user";
  if (text === undefined)
    return fine(subject, "does not run here; the first mount starts the daemon");
  const states = text.trim().split("\n\n").map(parseState);
  const installed = states.filter(({ LoadState }) => LoadState === "loaded");
  if (installed.length === 0) {
    return fine(subject, `does not keep the daemon; for mounts at boot: ${install}`);
  }
  const failed = states.find(({ ActiveState }) => ActiveState === "failed");
  if (failed !== undefined) {
    const scope = isRoot ? "" : "--user ";
    return lack(
      "failure",
      subject,
      `${failed.Id} has failed`,
      "the daemon is not started any more",
      `systemctl ${scope}status ${failed.Id}; then: systemctl ${scope}restart ${failed.Id}`,
    );
  }
  const socket = states.find(({ Id }) => Id === UNITS[0]);
  if (socket?.ActiveState !== "active") {
    const cost = "the daemon does not run as a service of systemd";
    return lack("warning", subject, `${UNITS[0]} is not active`, cost, install);
  }
  const stale = installed.find(({ NeedDaemonReload }) => NeedDaemonReload === "yes");
  if (stale !== undefined) {
    return lack(
      "warning",
      subject,
      `${stale.Id} has changed on disk`,
      "systemd goes by what it was before",
      isRoot ? "systemctl daemon-reload" : "systemctl --user daemon-reload",
    );
  }
  const kind = socket.UnitFileState === "enabled" ? "at every boot" : "until the next boot";
  return fine(subject, `starts the daemon when it is needed, ${kind}`);
}

function parseState(paragraph: string): UnitState {
  const pairs = paragraph.split("\n").map((line) => {
    const equals = line.indexOf("=");
    return [line.slice(0, equals), line.slice(equals + 1)];
  });
  return Object.fromEntries(pairs) as UnitState;
}

/** systemd.unit(5), "System Unit Search Path". */
const SYSTEM_FOLDERS = ["/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"];

/** Whether the system has our units, for users, who see their own systemd's. */
export function systemHasUnits(folders: readonly string[] = SYSTEM_FOLDERS): boolean {
  return folders.some((folder) => existsSync(join(folder, "systemd/system", UNITS[0])));
}

/** mount(8) looks for it there alone. */
export function mountHelper(
  unitsInstalled: boolean,
  helper = "/sbin/mount.isomount",
  fstab = "/etc/fstab",
): Finding {
  const subject = "mount -t isomount";
  const lines = existsSync(fstab) ? fstabLines(readFileSync(fstab, "utf8")) : 0;
  const install = "sudo isomount daemon install";
  if (!existsSync(helper)) {
    if (lines === 0) return fine(subject, `is not set up; if wanted: ${install}`);
    const found = `there is no ${helper}, but ${fstab} has ${lines} of its lines`;
    return lack("warning", subject, found, "they cannot be mounted", install);
  }
  if (lines === 0 || unitsInstalled) return fine(subject, "works");
  return lack(
    "warning",
    subject,
    `works, but ${fstab} has ${lines} of its lines and systemd does not keep the daemon`,
    "unmounting one of them ends the daemon of all",
    install,
  );
}

/** Lines of fstab(5) whose third field is our type. */
function fstabLines(text: string): number {
  return text.split("\n").filter((line) => {
    const [first = "", , type] = line.trim().split(/\s+/);
    return !first.startsWith("#") && /^(fuse\.)?isomount$/.test(type ?? "");
  }).length;
}
