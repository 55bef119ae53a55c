/** Everything that the doctor looks at, in the order in which it is told. */
import { existsSync } from "node:fs";
import { packageFolder } from "../client/installation.js";
import { ourMounts } from "../client/mount-table.js";
import { runtimeFolder } from "../rpc/runtime-folder.js";
import { findSandbox } from "../supervisor/sandbox.js";
import { StateFolder, type StateRecord } from "../supervisor/state-record.js";
import { configuration } from "./configuration.js";
import { daemonLog, daemonState } from "./daemon.js";
import { askDaemons, type DaemonAnswer } from "./daemons.js";
import type { Finding } from "./finding.js";
import { allowOther, fuseDevice, fusermount } from "./fuse.js";
import { openFiles, pipes } from "./limits.js";
import { staleMounts } from "./mounts.js";
import { mountpointPlace, runtimePlace } from "./places.js";
import { fuseNative, kernel, koffi, nodeVersion } from "./runtime.js";
import { sandboxing, systemCallFilter } from "./sandbox.js";
import { mountHelper, systemHasUnits, unitStates, units } from "./systemd.js";

/** Changes nothing on the machine. */
export async function examine(): Promise<Finding[]> {
  const isRoot = process.getuid!() === 0;
  const folder = runtimeFolder();
  const native = await koffi();
  const place = runtimePlace(folder);
  const answers = native.verdict === "ok" ? await askDaemons() : [];
  const states = await unitStates(isRoot);
  return [
    nodeVersion(),
    native,
    kernel(),
    fuseDevice(),
    fusermount(isRoot),
    allowOther(isRoot),
    // It cannot be tried without koffi, which servers load.
    ...(native.verdict === "ok" ? await confinement(isRoot) : []),
    await fuseNative(packageFolder()),
    place,
    configuration(),
    // Nor can daemons be asked what they run and serve.
    ...(place.verdict === "ok" && native.verdict === "ok" ? daemonFindings(folder, answers) : []),
    pipes(),
    openFiles(),
    mountpointPlace(),
    units(states, isRoot),
    mountHelper(isRoot ? /^LoadState=loaded$/m.test(states ?? "") : systemHasUnits()),
  ];
}

async function confinement(isRoot: boolean): Promise<Finding[]> {
  const { filterObstacle } = await import("../../fs-adapter/seccomp/install.js");
  return [sandboxing(findSandbox(), isRoot), systemCallFilter(filterObstacle())];
}

function daemonFindings(folder: string, answers: readonly DaemonAnswer[]): Finding[] {
  return [
    daemonState(folder, answers),
    daemonLog(folder),
    ...staleMounts(ourMounts(), { answers, records: leftRecords(folder) }, process.getuid!()),
  ];
}

/** What a daemon that ended has left to the next one. */
function leftRecords(folder: string): StateRecord[] {
  // What cannot be read is no record: its mount is told of as one that nobody knows.
  return existsSync(folder) ? new StateFolder(folder).load(() => {}) : [];
}
