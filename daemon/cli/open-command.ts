/** `isomount open IMAGE...`: what file managers run. */
import { basename } from "node:path";
import { ExitCode } from "../client/failure.js";
import { hasScreen } from "../desktop/helper-program.js";
import { notify } from "../desktop/notification.js";
import { Cancelled, openInFileManager, unmountImage } from "../desktop/open-image.js";
import { imageRequest } from "./image-request.js";
import { parseOptions } from "./mount-options.js";
import { forPrograms, printable } from "./printable.js";
import { describe, report, warn } from "./report.js";

/** A notification has room for few. */
const SHOWN_WARNINGS = 3;

/** One image after the other; what fails does not keep the rest from being opened. */
export async function runOpen(command: {
  images: readonly string[];
  unmount: boolean;
}): Promise<ExitCode> {
  let exitCode: ExitCode = ExitCode.ok;
  for (const image of command.images) {
    try {
      if (command.unmount) unmountImage(image);
      else await open(image);
    } catch (error) {
      if (error instanceof Cancelled) exitCode = ExitCode.failed;
      else exitCode = await tellFailure(image, command.unmount ? "unmount" : "open", error);
    }
  }
  return exitCode;
}

async function open(image: string): Promise<void> {
  const { mounted, warnings } = await openInFileManager(imageRequest(image, parseOptions([])));
  process.stdout.write(`${forPrograms(mounted.mountpoint)}\n`);
  for (const warning of warnings) warn(warning);
  if (warnings.length === 0 || !isUnseen()) return;
  const shown = warnings.slice(0, SHOWN_WARNINGS).map(printable);
  const more = warnings.length - shown.length;
  if (more > 0) shown.push(`(${more} more)`);
  const title = printable(`${basename(image)} is mounted, but:`);
  await notify({ severity: "warning", title, text: shown.join("\n") });
}

async function tellFailure(image: string, verb: string, error: unknown): Promise<ExitCode> {
  const exitCode = report(error);
  if (isUnseen()) {
    const { message, details } = describe(error);
    const hint = details.hint === undefined ? "" : `\n${details.hint}`;
    await notify({
      severity: "error",
      title: printable(`Cannot ${verb} ${basename(image)}`),
      text: printable(message) + hint,
    });
  }
  return exitCode;
}

/** There is a screen, and nobody reads what is printed. */
function isUnseen(): boolean {
  return hasScreen() && process.stderr.isTTY !== true;
}
