#!/usr/bin/env node
/** The helper that mount(8) runs for `mount -t isomount SPEC DIR` and for lines of fstab. */
import { ExitCode, usage } from "../client/failure.js";
import { runMount } from "./mount-command.js";
import { type RawOption, splitOptions } from "./option-string.js";
import { report } from "./report.js";

const USAGE = "mount.isomount IMAGE MOUNTPOINT [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE]";

interface HelperCall {
  image: string;
  mountpoint: string;
  options: RawOption[];
  verbose: boolean;
  sloppy: boolean;
  /** mount(8)'s `--fake`: everything but the mount itself. */
  fake: boolean;
}

function parseCall(words: readonly string[]): HelperCall {
  const paths: string[] = [];
  const options: RawOption[] = [];
  let flags = "";
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (!word.startsWith("-") || word === "-") paths.push(word);
    else {
      // Letters may be joined: `-sno ro`.
      const [, letters, taking, joined] = /^-([sfnv]*)(?:([oNt])(.*))?$/s.exec(word) ?? [];
      if (letters === undefined) throw usage(`unknown option ${word}`, USAGE);
      flags += letters;
      if (taking === undefined) continue;
      const value = joined !== "" ? joined : words[++i];
      if (value === undefined) throw usage(`-${taking} needs a value`, USAGE);
      if (taking === "o") options.push(...splitOptions(value));
      else if (taking === "N") throw usage("mounting in another namespace (-N) is not supported");
    }
  }
  if (paths.length !== 2) throw usage("an image and a mountpoint are needed", USAGE);
  return {
    image: paths[0],
    mountpoint: paths[1],
    // mount(8) itself adds `rw` where nobody said `ro`: nobody asked for it.
    options: options.filter((option) => option.name !== "rw"),
    verbose: flags.includes("v"),
    sloppy: flags.includes("s"),
    fake: flags.includes("f"),
  };
}

async function main(words: string[]): Promise<number> {
  try {
    const { fake, ...command } = parseCall(words);
    return fake ? ExitCode.ok : await runMount(command);
  } catch (error) {
    return report(error);
  }
}

process.exitCode = await main(process.argv.slice(2));
