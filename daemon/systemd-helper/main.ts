/**
 * What the unit files run besides the daemon itself:
 *   mount INSTANCE, unmount INSTANCE   isomount@.service
 *   watch INSTANCE                     isomount-watch@.service
 *   stopped                            isomountd.service, when the daemon has ended
 */
import "../no-debugger.js";
import { report } from "../cli/report.js";
import { ExitCode, usage } from "../client/failure.js";
import { mountUnit, unmountUnit } from "./image-unit.js";
import { unescapePath } from "./instance.js";
import { cleanUp, isStoppedForGood } from "./stopped.js";

const [verb, instance] = process.argv.slice(2);

async function run(): Promise<ExitCode> {
  switch (verb) {
    case "mount":
      return mountUnit(named());
    case "unmount":
      return unmountUnit(named());
    case "watch":
      return watch(unescapePath(named()));
    case "stopped":
      if (await isStoppedForGood()) await cleanUp();
      return ExitCode.ok;
    default:
      throw usage(`unknown verb ${verb}`, "mount, unmount, watch or stopped");
  }
}

function named(): string {
  if (instance === undefined) throw usage("an instance is needed");
  return instance;
}

async function watch(folder: string): Promise<ExitCode> {
  const { runWatch } = await import("../cli/watch-command.js");
  return runWatch({ folders: [folder], options: [], keep: false });
}

try {
  process.exitCode = await run();
} catch (error) {
  process.exitCode = report(error);
}
