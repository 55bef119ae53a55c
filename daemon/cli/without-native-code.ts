/** What is left of the command where koffi, which nearly everything needs, does not load. */
import { systemFailure } from "../client/failure.js";
import { runDoctor } from "./doctor-command.js";
import { report } from "./report.js";

export async function withoutNativeCode(words: readonly string[], error: Error): Promise<number> {
  if (words[0] === "doctor") return runDoctor(words.includes("--json"));
  const [reason] = error.message.split("\n");
  const failure = systemFailure(`isomount cannot be loaded: ${reason}`, error, "isomount doctor");
  return report(failure, words.includes("--json"));
}
