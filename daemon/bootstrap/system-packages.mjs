// @ts-check
/** Installs packages of the distribution where that is allowed, and says which command to run where not. */
import { runtimePackages, testPackages } from "./packages.mjs";
import { isInstalled, outputOf, StepFailed, say, step } from "./steps.mjs";

/** @typedef {"apt-get" | "dnf" | "pacman" | "zypper" | "apk"} Manager */

/** @type {Record<Manager, string[]>} */
const installCommands = {
  // Machines that update themselves hold the lock for a while.
  "apt-get": [
    "apt-get",
    "install",
    "--yes",
    "--no-install-recommends",
    "--option=DPkg::Lock::Timeout=120",
  ],
  dnf: ["dnf", "install", "--assumeyes"],
  pacman: ["pacman", "--sync", "--needed", "--noconfirm"],
  zypper: ["zypper", "--non-interactive", "install"],
  apk: ["apk", "add"],
};

/** @returns {Manager | undefined} */
function packageManager() {
  const managers = /** @type {Manager[]} */ (Object.keys(installCommands));
  return managers.find(isInstalled);
}

/** What it takes to become root without being asked: nothing, `sudo -n`, or undefined. */
function privilege() {
  if (process.getuid?.() === 0) return [];
  return outputOf(["sudo", "-n", "true"]) === undefined ? undefined : ["sudo", "-n"];
}

/**
 * Installs what a mount needs. Goes on where it may not: every lack is named with what it costs.
 *
 * @returns {Promise<void>}
 */
export async function installRuntimePackages() {
  const missing = runtimePackages.filter(({ program }) => !isInstalled(program));
  if (missing.length === 0) return;
  const manager = packageManager();
  if (manager !== undefined) {
    await install(
      manager,
      missing.map(({ packages }) => packages[manager]),
    );
  }
  for (const { program, without } of missing) {
    if (!isInstalled(program)) say(`without ${program} ${without}`);
  }
}

/**
 * Installs what the tests need. A test whose program is still missing fails and names it.
 *
 * @returns {Promise<void>}
 */
export async function installTestPackages() {
  const manager = packageManager();
  if (manager !== "apt-get") {
    say(`the tests need what Debian calls: ${testPackages.join(" ")}`);
    return;
  }
  const installed = installedDebianPackages();
  const missing = testPackages.filter((name) => !installed.has(name));
  if (missing.length > 0) await install(manager, missing);
}

/** dpkg-query(1): `triggers-*` is installed, too, but for caches that are yet to be rebuilt. */
const installedStatus = /^(\S+) (?:installed|triggers-awaited|triggers-pending)$/gm;

function installedDebianPackages() {
  const format = `--showformat=\${Package} \${db:Status-Status}\\n`;
  const list = outputOf(["dpkg-query", "--show", format]) ?? "";
  return new Set([...list.matchAll(installedStatus)].map(([, name]) => name));
}

/**
 * @param {Manager} manager
 * @param {string[]} packages
 */
async function install(manager, packages) {
  const command = [...installCommands[manager], ...packages];
  const asRoot = privilege();
  const byHand = ["sudo", ...command].join(" ");
  if (asRoot === undefined) {
    say(
      `not installed, since that takes root: ${packages.join(" ")}\nto install them, run: ${byHand}`,
    );
    return;
  }
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  try {
    if (manager === "apt-get")
      await step("reading package lists", [...asRoot, "apt-get", "update"]);
    await step(`installing ${packages.join(" ")}`, [...asRoot, ...command], { env });
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    say(`${error.message}\nto install them, run: ${byHand}`);
  }
}
