/** `isomount status`. */
import { connectIfNeeded } from "../client/connect.js";
import { connectSystem } from "../client/connect-system.js";
import { ExitCode } from "../client/failure.js";
import { jsonText } from "./printable.js";
import { renderStatus } from "./render-status.js";

export async function runStatus({
  json,
  system,
}: {
  json: boolean;
  system: boolean;
}): Promise<ExitCode> {
  const connection = system ? await connectSystem() : await connectIfNeeded();
  const daemon = connection?.call("daemon", {});
  const mounts = connection?.call("list", {}) ?? [];
  connection?.close();
  if (json) process.stdout.write(`${jsonText({ daemon, mounts }, 2)}\n`);
  else process.stdout.write(renderStatus(daemon, mounts));
  return ExitCode.ok;
}
