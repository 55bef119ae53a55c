#!/usr/bin/env node
/** The helper that mount(8) runs for `mount -t isomount SPEC DIR` and for lines of fstab. */
import "../no-debugger.js";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { connectIfNeeded } from "../client/connect.js";
import { ExitCode, failed, usage } from "../client/failure.js";
import { ourMounts } from "../client/mount-table.js";
import { runMount } from "./mount-command.js";
import { ownOptions, parseOptions } from "./mount-options.js";
import { type RawOption, splitOptions } from "./option-string.js";
import { report, warn } from "./report.js";

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

/**
 * `mount -o remount`, as `systemctl reload` of a mount unit does it. mount(8) names the options of
 * fstab again, whether they have changed or not.
 */
function remount({ mountpoint, options, sloppy }: HelperCall): ExitCode {
  parseOptions(options, sloppy);
  const path = resolve(mountpoint);
  if (!ourMounts().some((mount) => mount.mountpoint === path)) {
    throw failed(`${path} cannot be remounted: it is not mounted`);
  }
  if (options.some(({ name }) => ownOptions.some((own) => own.name === name))) {
    warn(`${path} stays as it was mounted: to change its options, unmount and mount it again`);
  }
  return ExitCode.ok;
}

/** `mount -a` tells by the source whether a line is mounted, and with `fsname=` that is another. */
async function isThereAlready({ image, mountpoint, options }: HelperCall): Promise<boolean> {
  if (!options.some(({ name }) => name === "fsname")) return false;
  const connection = await connectIfNeeded();
  try {
    const mounts = connection?.call("list", {}) ?? [];
    return mounts.some(
      (mount) =>
        mount.image === resolve(image) &&
        mount.mountpoint === resolve(mountpoint) &&
        mount.state !== "detached",
    );
  } finally {
    connection?.close();
  }
}

async function run(call: HelperCall): Promise<ExitCode> {
  const { fake, ...command } = call;
  const options = command.options.filter(({ name }) => name !== "remount");
  if (fake) return ExitCode.ok;
  if (options.length < command.options.length) return remount({ ...call, options });
  return (await isThereAlready(call)) ? ExitCode.ok : runMount(command);
}

async function main(words: string[]): Promise<number> {
  try {
    const call = parseCall(words);
    try {
      return await run(call);
    } catch (error) {
      const status = report(error);
      // fstab(5): what is not there is no failure. Still said: a mount unit fails for want of a mount.
      const mayBeMissing = call.options.some(({ name }) => name === "nofail");
      return mayBeMissing && !existsSync(call.image) ? ExitCode.ok : status;
    }
  } catch (error) {
    return report(error);
  }
}

process.exitCode = await main(process.argv.slice(2));
