/** `isomount list`. */
import { connectIfNeeded } from "../client/connect.js";
import { connectSystem } from "../client/connect-system.js";
import { ExitCode } from "../client/failure.js";
import { forPrograms, jsonText } from "./printable.js";
import { renderList } from "./render-list.js";

export async function runList({
  json,
  quiet,
  system,
}: {
  json: boolean;
  quiet: boolean;
  system: boolean;
}): Promise<ExitCode> {
  const connection = system ? await connectSystem() : await connectIfNeeded();
  const mounts = connection?.call("list", {}) ?? [];
  connection?.close();
  if (json) process.stdout.write(`${jsonText(mounts, 2)}\n`);
  else if (quiet)
    process.stdout.write(mounts.map(({ mountpoint }) => `${forPrograms(mountpoint)}\n`).join(""));
  else process.stdout.write(renderList(mounts));
  return ExitCode.ok;
}
