/** `isomount IMAGE [MOUNTPOINT]`. */
import { ExitCode } from "../client/failure.js";
import { mountImage } from "../client/mount-image.js";
import type { MountInfo } from "../rpc/protocol.js";
import { imageRequest } from "./image-request.js";
import { parseOptions } from "./mount-options.js";
import type { RawOption } from "./option-string.js";
import { forPrograms, jsonText, printable } from "./printable.js";
import { warn } from "./report.js";

export interface MountCommand {
  image: string;
  mountpoint?: string;
  options: RawOption[];
  foreground?: boolean;
  verbose?: boolean;
  json?: boolean;
  system?: boolean;
  /** Unknown options are passed over. */
  sloppy?: boolean;
}

/** Where people would overlook the message in a flood of warnings, the rest is counted. */
const SHOWN_WARNINGS = 5;

export async function runMount(command: MountCommand): Promise<ExitCode> {
  const foreground = command.foreground ? await import("./foreground.js") : undefined;
  const mounted = await mount(command);
  // Who is told that it is mounted may send a signal at once: by then it is heard.
  const staying = foreground?.stayInForeground(mounted, command.system);
  tell(mounted, command);
  return staying ?? ExitCode.ok;
}

export async function mount(command: MountCommand): Promise<MountInfo> {
  const settings = parseOptions(command.options, command.sloppy);
  for (const warning of settings.warnings) warn(warning);
  return mountImage({
    ...imageRequest(command.image, settings, command.system),
    mountpoint: command.mountpoint,
    mountOptions: settings.mount,
  });
}

export function tell(mounted: MountInfo, { mountpoint, verbose, json }: MountCommand): void {
  if (json) process.stdout.write(`${jsonText(mounted)}\n`);
  else if (verbose) process.stdout.write(`${printable(summary(mounted))}\n`);
  // The one thing that the caller cannot know.
  else if (mountpoint === undefined) process.stdout.write(`${forPrograms(mounted.mountpoint)}\n`);
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
