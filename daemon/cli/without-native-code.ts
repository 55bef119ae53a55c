/** What is left of the command where koffi, which nearly everything needs, does not load. */
import { ExitCode } from "../client/failure.js";
import { runDoctor } from "./doctor-command.js";
import { jsonText } from "./printable.js";

export async function withoutNativeCode(words: readonly string[], error: Error): Promise<number> {
  const json = words.includes("--json");
  if (words[0] === "doctor") return runDoctor(json);
  const message = `isomount cannot be loaded: ${error.message.split("\n")[0]}`;
  const exitCode = ExitCode.system;
  process.stderr.write(
    json
      ? `${jsonText({ error: { message, exitCode } })}\n`
      : `isomount: ${message} ('isomount doctor' says more)\n`,
  );
  return exitCode;
}
