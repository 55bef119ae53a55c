/**
 * What the unit files run besides the daemon itself:
 *   mount INSTANCE PATH, unmount INSTANCE PATH   isomount@.service
 *   stopped                                      isomountd.service, when the daemon has ended
 */
import { report } from "../cli/report.js";
import { ExitCode, usage } from "../client/failure.js";
import { findImageUnit, mountUnit, unmountUnit } from "./image-unit.js";
import { cleanUp, isStoppedForGood } from "./stopped.js";

const [verb, ...parameters] = process.argv.slice(2);

async function run(): Promise<ExitCode> {
  switch (verb) {
    case "mount":
      return mountUnit(imageUnit());
    case "unmount":
      return unmountUnit(imageUnit());
    case "stopped":
      if (await isStoppedForGood()) await cleanUp();
      return ExitCode.ok;
    default:
      throw usage(`unknown verb ${verb}`, "mount, unmount or stopped");
  }
}

function imageUnit() {
  const [instance, path] = parameters;
  if (path === undefined) throw usage("an instance and its path are needed");
  return findImageUnit(instance, path);
}

try {
  process.exitCode = await run();
} catch (error) {
  process.exitCode = report(error);
}
