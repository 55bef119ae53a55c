/** `isomount IMAGE [MOUNTPOINT]`. */
import { ExitCode } from "../client/failure.js";
import { mountImage } from "../client/mount-image.js";
import type { MountInfo } from "../rpc/protocol.js";
import { parseOptions } from "./mount-options.js";
import type { RawOption } from "./option-string.js";
import { warn } from "./report.js";

export interface MountCommand {
  image: string;
  mountpoint?: string;
  options: RawOption[];
  foreground?: boolean;
  verbose?: boolean;
  json?: boolean;
  /** Unknown options are passed over. */
  sloppy?: boolean;
}

/** Where people would overlook the message in a flood of warnings, the rest is counted. */
const SHOWN_WARNINGS = 5;

export async function runMount(command: MountCommand): Promise<ExitCode> {
  const { image, mount, passphrase, warnings } = parseOptions(command.options, command.sloppy);
  for (const warning of warnings) warn(warning);
  const mounted = await mountImage({
    image: command.image,
    mountpoint: command.mountpoint,
    options: image,
    mountOptions: mount,
    sandbox: mount.sandbox,
    passphrase,
  });
  tell(mounted, command);
  if (!command.foreground) return ExitCode.ok;
  const { stayInForeground } = await import("./foreground.js");
  return stayInForeground(mounted);
}

function tell(mounted: MountInfo, { mountpoint, verbose, json }: MountCommand): void {
  if (json) process.stdout.write(`${JSON.stringify(mounted)}\n`);
  else if (verbose) process.stdout.write(`${summary(mounted)}\n`);
  // The one thing that the caller cannot know.
  else if (mountpoint === undefined) process.stdout.write(`${mounted.mountpoint}\n`);
  if (json) return;
  const shown = verbose ? mounted.warnings.length : SHOWN_WARNINGS;
  for (const warning of mounted.warnings.slice(0, shown)) warn(warning);
  const more = mounted.warnings.length - shown;
  if (more > 0) warn(`${more} more; --verbose shows them`);
}

function summary({
  image,
  mountpoint,
  container,
  filesystem,
  view,
  label,
  transport,
  sandboxed,
}: MountInfo): string {
  const tree = view === "" ? filesystem : `${filesystem} (${view})`;
  const name = label === "" ? "" : ` "${label}"`;
  const server = `${transport}, ${sandboxed ? "sandboxed" : "not sandboxed"}`;
  return `${image} on ${mountpoint}: ${tree}${name} in ${container}, ${server}`;
}
