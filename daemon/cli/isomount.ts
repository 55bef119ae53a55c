#!/usr/bin/env node
/** The command `isomount`. */
import { runMount } from "./mount-command.js";
import { parseQuick } from "./quick.js";
import { report } from "./report.js";

async function main(words: string[]): Promise<number> {
  try {
    const quick = parseQuick(words);
    if (quick !== undefined) return await runMount(quick);
    const { runCommand } = await import("./commands.js");
    return await runCommand(words);
  } catch (error) {
    return report(error, words.includes("--json"));
  }
}

process.exitCode = await main(process.argv.slice(2));
