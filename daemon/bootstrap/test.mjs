// @ts-check
/**
 * `npm test`: installs what is missing, then checks format, style, types and dead code, builds,
 * and runs the tests. Parameters go to vitest: `npm test -- test/unit/cli`. The last line counts.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "./build.mjs";
import { installNpmPackages } from "./npm-packages.mjs";
import { attached, project, runSteps, say, step } from "./steps.mjs";
import { installRuntimePackages, installTestPackages } from "./system-packages.mjs";

/** @param {string} program */
function tool(program) {
  return join(project, "node_modules/.bin", program);
}

await runSteps(async () => {
  await installNpmPackages();
  await installRuntimePackages();
  await installTestPackages();
  await step("checking format and style", [tool("biome"), "check", "--error-on-warnings"]);
  await step("checking types", [tool("tsc")]);
  await step("looking for dead code", [tool("knip"), "--no-progress"]);
  await build();
  return runTests(process.argv.slice(2));
});

/** @param {readonly string[]} parameters */
function runTests(parameters) {
  const folder = mkdtempSync(join(tmpdir(), "isomount-test-"));
  const results = join(folder, "results.json");
  try {
    const exitCode = attached([
      tool("vitest"),
      "run",
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${results}`,
      ...parameters,
    ]);
    const { numPassedTests, numFailedTests, numFailedTestSuites } = JSON.parse(
      readFileSync(results, "utf8"),
    );
    // A file that cannot even be loaded has no failed tests.
    const failed =
      numFailedTests > 0 || exitCode === 0 ? numFailedTests : Math.max(1, numFailedTestSuites);
    say("");
    process.stdout.write(`${numPassedTests} passed, ${failed} failed\n`);
    return exitCode;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
