// @ts-check
/** Builds `dist/`: one file for each program, with what they share and load late in chunks. */
import { chmodSync, existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { project, runSteps, StepFailed, say } from "./steps.mjs";

const programs = {
  isomount: "daemon/cli/isomount.ts",
  "mount.isomount": "daemon/cli/mount.isomount.ts",
  isomountd: "daemon/supervisor/main.ts",
  server: "daemon/server/main.ts",
  "serving-thread": "daemon/server/serving-thread.ts",
  "store-thread": "daemon/server/store-thread.ts",
  keeper: "daemon/keeper/main.ts",
  "native-server": "daemon/server/native-main.ts",
  "systemd-helper": "daemon/systemd-helper/main.ts",
};

const executable = ["isomount", "mount.isomount", "isomountd"];
const sources = ["daemon", "fs-adapter", "image-core", "package.json", "package-lock.json"];

/**
 * @param {boolean} [always] even where nothing has changed
 * @returns {Promise<void>}
 */
export async function build(always = false) {
  const dist = join(project, "dist");
  if (!always && isUpToDate(join(dist, "isomount.js"))) return;
  const { build: bundle } = await import("esbuild");
  // Beside the old one until it is whole; two builds at once do not meet.
  const fresh = join(project, `.work/dist-${process.pid}`);
  rmSync(fresh, { recursive: true, force: true });
  await bundle({
    absWorkingDir: project,
    entryPoints: programs,
    outdir: fresh,
    bundle: true,
    splitting: true,
    // Beside the programs, which find each other by their own place.
    chunkNames: "chunk-[hash]",
    format: "esm",
    platform: "node",
    target: "node20.19",
    // koffi and fuse-native load native code from their own folders; the others are CommonJS at heart.
    external: ["koffi", "fuse-native", "winston", "prom-client"],
    sourcemap: true,
    sourcesContent: false,
    legalComments: "none",
    logLevel: "warning",
  }).catch(() => {
    throw new StepFailed("the build failed", 1);
  });
  for (const name of executable) chmodSync(join(fresh, `${name}.js`), 0o755);
  rmSync(dist, { recursive: true, force: true });
  renameSync(fresh, dist);
}

/** @param {string} built */
function isUpToDate(built) {
  if (!existsSync(built)) return false;
  return newest(sources) <= statSync(built).mtimeMs;
}

/**
 * Milliseconds since 1970 of the latest change; folders count, since files leave them too.
 *
 * @param {readonly string[]} paths relative to the project
 * @returns {number}
 */
function newest(paths) {
  let latest = 0;
  for (const path of paths) {
    const stat = statSync(join(project, path));
    latest = Math.max(latest, stat.mtimeMs);
    if (!stat.isDirectory()) continue;
    latest = Math.max(
      latest,
      newest(readdirSync(join(project, path)).map((name) => join(path, name))),
    );
  }
  return latest;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runSteps(async () => {
    await build(true);
    say("built dist/");
    return 0;
  });
}
