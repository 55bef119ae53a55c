/** `isomount events`. */
import { connect } from "../client/connect.js";
import { connectSystem } from "../client/connect-system.js";
import type { ExitCode } from "../client/failure.js";
import { jsonText, printable } from "./printable.js";

/** Prints what happens to mounts until it is interrupted or the daemon ends. */
export async function runEvents({
  json,
  system,
}: {
  json: boolean;
  system: boolean;
}): Promise<ExitCode> {
  const connection = system ? await connectSystem() : await connect();
  connection.call("subscribe", {});
  for (;;) {
    const event = connection.event();
    const when = new Date(event.time * 1000).toISOString();
    const line = json ? jsonText(event) : `${when} ${event.event}: ${printable(event.message)}`;
    process.stdout.write(`${line}\n`);
  }
}
