// @ts-check
/** Installs the npm packages where they are missing or not those of package-lock.json. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { project, step } from "./steps.mjs";

/** @typedef {Record<string, { version?: string, optional?: boolean }>} Packages */

/** @returns {Promise<void>} */
export async function installNpmPackages() {
  if (isComplete()) return;
  // Not `npm ci`: it refuses a lock file that leaves out the packages of other platforms. The
  // versions are the lock file's all the same. No install script is needed: koffi and esbuild bring
  // built files.
  await step("installing npm packages", [
    "npm",
    "install",
    "--no-save",
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
  ]);
}

/** npm notes what it installed in a lock file of its own; optional packages need not be there. */
function isComplete() {
  const installed = packagesOf(join(project, "node_modules/.package-lock.json"));
  const wanted = packagesOf(join(project, "package-lock.json"));
  if (installed === undefined || wanted === undefined) return false;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      path === "" || optional === true || installed[path]?.version === version,
  );
}

/**
 * @param {string} path
 * @returns {Packages | undefined}
 */
function packagesOf(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).packages : undefined;
}
