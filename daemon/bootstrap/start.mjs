// @ts-check
/**
 * `npm start -- IMAGE MOUNTPOINT`: installs what is missing, builds, runs isomount. Without
 * arguments it demonstrates a mount. Runs on a fresh clone, with Node alone.
 */
import { join } from "node:path";
import { build } from "./build.mjs";
import { demonstrate } from "./demo.mjs";
import { installNpmPackages } from "./npm-packages.mjs";
import { attached, project, runSteps } from "./steps.mjs";
import { installRuntimePackages } from "./system-packages.mjs";

await runSteps(async () => {
  await installNpmPackages();
  await installRuntimePackages();
  await build();
  const isomount = [process.execPath, join(project, "dist/isomount.js")];
  const words = process.argv.slice(2);
  if (words.length === 0) {
    demonstrate(isomount);
    return 0;
  }
  // npm changes into the project's folder; paths are meant from where the person stands.
  return attached([...isomount, ...words], { cwd: process.env.INIT_CWD ?? process.cwd() });
});
