/** Folders that isomount uses: for its socket and state, and for mountpoints that nobody named. */
import { accessSync, constants, existsSync } from "node:fs";
import { dirname } from "node:path";
import { defaultFolder } from "../client/default-folder.js";
import { reasonOf } from "../client/failure.js";
import { checkRuntimeFolder, controlSocket } from "../rpc/runtime-folder.js";
import { type Finding, fine, lack } from "./finding.js";
import { asRoot } from "./packages.js";
import { shellWord } from "./shell-word.js";

/** sun_path of unix(7), less its final NUL. */
const MAX_SOCKET_PATH = 107;
/** `server-4194304-1000000.sock`: longer than `control.sock`. */
const LONGEST_SOCKET_NAME = 28;

export function runtimePlace(folder: string): Finding {
  const subject = "runtime folder";
  const cost = "the daemon cannot be started or reached";
  const length = Buffer.byteLength(controlSocket(folder)) + LONGEST_SOCKET_NAME;
  if (length > MAX_SOCKET_PATH) {
    const found = `${folder} is too long a path for sockets`;
    return lack("failure", subject, found, cost, "set ISOMOUNT_RUNTIME_DIR to a shorter one");
  }
  try {
    if (checkRuntimeFolder(folder)) return fine(subject, `${folder}, closed to others`);
  } catch (error) {
    const [found, remedy] = (error as Error).message.split("; ");
    return lack("failure", subject, found, cost, remedy?.replace(/^run: /, "") ?? "remove it");
  }
  const parent = nearestFolder(folder);
  if (mayWrite(parent)) return fine(subject, `${folder} will be made`);
  return lack(
    "failure",
    subject,
    `${folder} is not there, and ${parent} may not be written to`,
    cost,
    "set ISOMOUNT_RUNTIME_DIR to a folder of your own",
  );
}

export function mountpointPlace(folder = defaultFolder()): Finding {
  const subject = "mountpoints";
  const nearest = nearestFolder(folder);
  if (mayWrite(nearest)) {
    return fine(
      subject,
      `are made in ${folder}${nearest === folder ? "" : ", which will be made"}`,
    );
  }
  // Not by giving away the folder above, which may be anything where the home folder is missing.
  const owner = `${asRoot}install -d -o ${process.getuid!()} ${shellWord(folder)}`;
  return lack(
    "warning",
    subject,
    `cannot be made in ${folder}: ${nearest} may not be written to`,
    "each mount needs a folder named for it",
    owner,
  );
}

/** The folder itself, or the one that it would be made in. */
function nearestFolder(folder: string): string {
  let nearest = folder;
  while (!existsSync(nearest)) nearest = dirname(nearest);
  return nearest;
}

function mayWrite(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch (error) {
    if (["permission denied", "the file system is read-only"].includes(reasonOf(error)))
      return false;
    throw error;
  }
}
