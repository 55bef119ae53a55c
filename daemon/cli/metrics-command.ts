/** `isomount metrics`. */
import { connectIfNeeded } from "../client/connect.js";
import { ExitCode, systemFailure } from "../client/failure.js";
import { forPrograms } from "./printable.js";

/** Prometheus text, as node_exporter's textfile collector takes it. */
export async function runMetrics(): Promise<ExitCode> {
  const connection = await connectIfNeeded();
  if (connection === undefined) throw systemFailure("isomountd is not running");
  const { text } = connection.call("metrics", {});
  connection.close();
  process.stdout.write(forPrograms(text));
  return ExitCode.ok;
}
