/** One run of the command `isomount`. */
import { runMount } from "./mount-command.js";
import { parseQuick } from "./quick.js";
import { report } from "./report.js";

/** Returns the exit status; what failed has been told. */
export async function main(words: readonly string[]): Promise<number> {
  try {
    const quick = parseQuick(words);
    if (quick !== undefined) return await runMount(quick);
    const { runCommand } = await import("./commands.js");
    return await runCommand(words);
  } catch (error) {
    return report(error, words.includes("--json"));
  }
}
