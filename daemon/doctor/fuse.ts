/** What FUSE needs on this machine: the device, the program that mounts for users, its settings. */
import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import { codeOf, reasonOf } from "../client/failure.js";
import { type Finding, fine, lack } from "./finding.js";
import { asRoot, findProgram, installCommand } from "./packages.js";

const S_ISUID = 0o4000;
const NOTHING = "nothing can be mounted";

/** Opening it makes no connection: that is what mounting does. */
export function fuseDevice(path = "/dev/fuse"): Finding {
  try {
    closeSync(openSync(path, "r+"));
    return fine(path, "can be opened");
  } catch (error) {
    const [found, remedy] = deviceProblem(codeOf(error), path);
    return lack("failure", path, found ?? reasonOf(error), NOTHING, remedy);
  }
}

function deviceProblem(code: string | undefined, path: string): [string | undefined, string] {
  switch (code) {
    case "ENOENT":
    case "ENODEV":
    case "ENXIO":
      return [
        code === "ENOENT" ? "is not there" : "is there, but the kernel has no FUSE",
        `${asRoot}modprobe fuse   # in a container: pass the device in, e.g. --device ${path}`,
      ];
    case "EPERM":
      return [
        "may not be opened in this container",
        `allow the device where the container is started, e.g. --device ${path}`,
      ];
    case "EACCES":
      return ["may not be opened by this user", `${asRoot}chmod 666 ${path}`];
    default:
      return [undefined, `look at: ls -l ${path}`];
  }
}

/** Root mounts by itself; everybody else needs this program, with root's rights. */
export function fusermount(isRoot: boolean, searchPath = process.env.PATH ?? ""): Finding {
  const subject = "fusermount3";
  const verdict = isRoot ? "warning" : "failure";
  const cost = isRoot ? "users other than root cannot mount" : NOTHING;
  const program = findProgram(subject, searchPath);
  if (program === undefined) {
    return lack(verdict, subject, "is not installed", cost, installCommand("fuse3", searchPath));
  }
  const { uid, mode } = statSync(program);
  if (uid === 0 && (mode & S_ISUID) !== 0) return fine(subject, `${program}, setuid root`);
  return lack(
    verdict,
    subject,
    `${program} does not run with root's rights`,
    cost,
    `${asRoot}chown root ${program} && ${asRoot}chmod u+s ${program}`,
  );
}

/** Root needs no leave to let others in. */
export function allowOther(isRoot: boolean, path = "/etc/fuse.conf"): Finding {
  const subject = "user_allow_other";
  let text = "";
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (codeOf(error) !== "ENOENT") {
      return lack(
        "warning",
        subject,
        `${path} cannot be read: ${reasonOf(error)}`,
        "fusermount3 may refuse what it would allow",
        `${asRoot}chmod 644 ${path}`,
      );
    }
  }
  if (/^\s*user_allow_other\s*$/m.test(text)) return fine(subject, `is set in ${path}`);
  if (isRoot) return fine(subject, `is not set in ${path}; root needs no leave`);
  return lack(
    "warning",
    subject,
    `is not set in ${path}`,
    "mounts are for their owner alone: -o allow_other is refused",
    `echo user_allow_other | ${asRoot}tee -a ${path}`,
  );
}
