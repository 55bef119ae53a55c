/** Whether servers can be confined here, tried as the daemon tries it, and what is in the way. */
import { existsSync, readFileSync } from "node:fs";
import type { FilterObstacle } from "../../fs-adapter/seccomp/install.js";
import type { Sandbox } from "../supervisor/sandbox.js";
import { type Finding, fine, lack } from "./finding.js";
import { asRoot, findProgram, installCommand } from "./packages.js";

const COST = "images are read without a sandbox: a bug in a decoder may give your files away";

/** Ubuntu has it ready, but not in force (24.04). */
const PROFILE = "bwrap-userns-restrict";
const READY_PROFILE = `/usr/share/apparmor/extra-profiles/${PROFILE}`;

export function sandboxing(
  sandbox: Sandbox,
  isRoot: boolean,
  settings = "/proc/sys",
  searchPath = process.env.PATH ?? "",
): Finding {
  const subject = "bubblewrap";
  if (sandbox.missing === undefined) return working(subject, sandbox, isRoot);
  if (findProgram("bwrap", searchPath) === undefined) {
    const install = installCommand("bubblewrap", searchPath);
    return lack("warning", subject, "is not installed", COST, install);
  }
  const [found, remedy] = obstacle((name) => readSetting(`${settings}/${name}`));
  return lack("warning", subject, found, COST, remedy);
}

export function systemCallFilter(obstacle: FilterObstacle | undefined): Finding {
  const subject = "system-call filter";
  if (obstacle === undefined) return fine(subject, "confines servers to the calls that they need");
  const [found, remedy] =
    obstacle === "architecture"
      ? [`is not made for ${process.arch} processors`, "use a machine of x86_64 or aarch64"]
      : ["the kernel has none", "boot a kernel with CONFIG_SECCOMP_FILTER"];
  const cost = "an image that takes its server over may try every system call of the kernel";
  return lack("warning", subject, found, cost, remedy);
}

function working(subject: string, { plan }: Sandbox, isRoot: boolean): Finding {
  if (!isRoot || plan.uid !== undefined) return fine(subject, "makes sandboxes");
  return lack(
    "warning",
    subject,
    "makes sandboxes, but servers keep root's id in them: nobody else may read isomount's own files",
    "one wall less around an image's server",
    "install isomount where everybody can read it: npm install --global",
  );
}

/** What keeps bubblewrap from making namespaces, the likeliest first. */
function obstacle(setting: (name: string) => string | undefined): [string, string] {
  if (setting("kernel/apparmor_restrict_unprivileged_userns") === "1") {
    const profile = `/etc/apparmor.d/${PROFILE}`;
    const copy = existsSync(READY_PROFILE) ? "" : `${installCommand("apparmor-profiles")} && `;
    return [
      "may not make namespaces: AppArmor restricts them to programs with a profile",
      `${copy}${asRoot}cp ${READY_PROFILE} ${profile} && ${asRoot}apparmor_parser -r ${profile}`,
    ];
  }
  if (setting("kernel/unprivileged_userns_clone") === "0") {
    return [
      "may not make namespaces: they are for root alone here",
      `${asRoot}sysctl -w kernel.unprivileged_userns_clone=1`,
    ];
  }
  if (setting("user/max_user_namespaces") === "0") {
    return [
      "may not make namespaces: none are allowed here",
      `${asRoot}sysctl -w user.max_user_namespaces=10000`,
    ];
  }
  return [
    "may not make namespaces here (common within containers)",
    "see what it says: bwrap --unshare-all --ro-bind / / true",
  ];
}

function readSetting(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8").trim() : undefined;
}
