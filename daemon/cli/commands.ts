/** The whole command line, by yargs; `quick.ts` takes the commonest case past it. */
import { existsSync } from "node:fs";
import yargs, { type Argv } from "yargs";
import { ExitCode as Exit, type ExitCode, Failure, usage } from "../client/failure.js";
import { version } from "../version.js";
import { commandNames } from "./command-names.js";
import { runCompletion, type Shell } from "./completion-command.js";
import { type DaemonAction, runDaemon } from "./daemon-command.js";
import { type DesktopAction, runDesktop } from "./desktop-command.js";
import { runEvents } from "./events-command.js";
import {
  daemonFlags,
  desktopFlags,
  type Flag,
  json,
  listFlags,
  mountFlags,
  openFlags,
  systemFlag,
  umountFlags,
  watchFlags,
} from "./flags.js";
import { runInfo } from "./info-command.js";
import type { InstallAction } from "./install-command.js";
import { runList } from "./list-command.js";
import { runMetrics } from "./metrics-command.js";
import { runMount } from "./mount-command.js";
import { ownOptions } from "./mount-options.js";
import { nearest } from "./nearest.js";
import { runOpen } from "./open-command.js";
import { type RawOption, splitOptions } from "./option-string.js";
import { runStatus } from "./status-command.js";
import { runUmount } from "./umount-command.js";
import { runVerify } from "./verify-command.js";

type Parsed = Record<string, unknown>;

const EXIT_CODES = `Exit codes:
  0   done
  1   the command line is wrong
  2   the system lacks something: no daemon, no /dev/fuse, no fusermount3
  32  the mount or unmount failed`;

/** Longer lines are hard to read. */
const MAX_COLUMNS = 100;

/** Prints help and version itself. Throws a usage Failure, and whatever the command throws. */
export async function runCommand(words: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = Exit.ok;
  const run =
    (command: (parsed: Parsed) => ExitCode | Promise<ExitCode>) => async (parsed: object) => {
      exitCode = await command(parsed as Parsed);
    };
  const [first, ...rest] = words;
  try {
    await commandLine(run).parseAsync(first === "help" ? [...rest, "--help"] : [...words]);
  } catch (error) {
    throw mistakenForCommand(error, first) ?? error;
  }
  return exitCode;
}

/** `isomount list /mnt` with an image called `list`. */
function mistakenForCommand(error: unknown, word: string): Error | undefined {
  const wasWrong = error instanceof Failure && error.details.exitCode === Exit.usage;
  if (!wasWrong || !commandNames.has(word) || !existsSync(word)) return undefined;
  return usage(error.message, `'${word}' is a command; to mount the file: isomount ./${word}`);
}

type Run = (
  command: (parsed: Parsed) => ExitCode | Promise<ExitCode>,
) => (parsed: object) => Promise<void>;

function commandLine(run: Run): Argv {
  return yargs()
    .scriptName("isomount")
    .usage("Opens disk images as read-only folders.")
    .locale("en")
    .wrap(Math.min(MAX_COLUMNS, process.stdout.columns ?? MAX_COLUMNS))
    .parserConfiguration({
      "camel-case-expansion": false,
      "dot-notation": false,
      "greedy-arrays": false,
      "parse-numbers": false,
      "parse-positional-numbers": false,
      "strip-aliased": true,
    })
    .command(
      ["$0 <image> [mountpoint]", "mount <image> [mountpoint]"],
      "mount an image; without a mountpoint one is made and printed",
      (command) => withOptions(withFlags(imageAndMountpoint(command), mountFlags)),
      run((parsed) =>
        runMount({
          image: String(parsed.image),
          mountpoint: text(parsed.mountpoint),
          options: optionsOf(parsed),
          foreground: parsed.foreground === true,
          verbose: parsed.verbose === true,
          json: parsed.json === true,
          system: parsed.system === true,
        }),
      ),
    )
    .command(
      ["umount [target..]", "unmount [target..]"],
      "unmount by mountpoint, image or id",
      (command) =>
        withFlags(command, umountFlags).positional("target", { type: "string", array: true }),
      run((parsed) =>
        runUmount({
          targets: ((parsed.target as unknown[] | undefined) ?? []).map(String),
          all: parsed.all === true,
          lazy: parsed.lazy === true,
          json: parsed.json === true,
          system: parsed.system === true,
        }),
      ),
    )
    .command(
      ["list", "ls"],
      "list what is mounted",
      (command) => withFlags(command, listFlags),
      run((parsed) =>
        runList({
          json: parsed.json === true,
          quiet: parsed.quiet === true,
          system: parsed.system === true,
        }),
      ),
    )
    .command(
      "status",
      "tell how each mount fares: reads, caches, latency, errors",
      (command) => withFlags(command, [json]),
      run((parsed) => runStatus({ json: parsed.json === true, system: parsed.system === true })),
    )
    .command(
      "events",
      "print what happens to mounts, as it happens",
      (command) => withFlags(command, [json]),
      run((parsed) => runEvents({ json: parsed.json === true, system: parsed.system === true })),
    )
    .command("metrics", "print the counters of all mounts for Prometheus", {}, run(runMetrics))
    .command(
      "info <image>",
      "tell what an image holds, without mounting it",
      (command) =>
        withOptions(withFlags(command, [json])).positional("image", {
          type: "string",
          demandOption: true,
        }),
      run((parsed) =>
        runInfo({
          image: String(parsed.image),
          options: optionsOf(parsed),
          json: parsed.json === true,
          system: parsed.system === true,
        }),
      ),
    )
    .command(
      "open <image..>",
      "mount images and show them in the file manager, as a double-click does",
      (command) =>
        withFlags(command, openFlags).positional("image", {
          type: "string",
          array: true,
          demandOption: true,
        }),
      run((parsed) =>
        runOpen({
          images: (parsed.image as unknown[]).map(String),
          unmount: parsed.unmount === true,
        }),
      ),
    )
    .command(
      "desktop <action>",
      "make file managers open images by double-click, or no longer",
      (command) =>
        withFlags(command, desktopFlags).positional("action", {
          choices: ["install", "uninstall"],
          demandOption: true,
        }),
      run((parsed) => runDesktop(parsed.action as DesktopAction, parsed.user === true)),
    )
    .command(
      "verify <image>",
      "check every checksum that an image carries",
      (command) =>
        withOptions(withFlags(command, [json])).positional("image", {
          type: "string",
          demandOption: true,
        }),
      run((parsed) =>
        runVerify({
          image: String(parsed.image),
          options: optionsOf(parsed),
          json: parsed.json === true,
          system: parsed.system === true,
        }),
      ),
    )
    .command(
      "daemon <action>",
      "start, stop or replace the daemon, tell whether it runs, or have systemd keep it",
      (command) =>
        withFlags(command, daemonFlags).positional("action", {
          choices: ["start", "stop", "restart", "reload", "status", "install", "uninstall"],
          demandOption: true,
        }),
      run(async (parsed) => {
        const action = parsed.action as DaemonAction | InstallAction;
        const asJson = parsed.json === true;
        if (action !== "install" && action !== "uninstall") return runDaemon(action, asJson);
        const { runInstall } = await import("./install-command.js");
        return runInstall(action, parsed.user === true ? "user" : "system", asJson);
      }),
    )
    .command(
      "watch <folder..>",
      "mount the images that appear in a folder, and unmount those that leave it",
      (command) =>
        withOptions(withFlags(command, watchFlags)).positional("folder", {
          type: "string",
          array: true,
          demandOption: true,
        }),
      run(async (parsed) => {
        const { runWatch } = await import("./watch-command.js");
        const folders = (parsed.folder as unknown[]).map(String);
        return runWatch({ folders, options: optionsOf(parsed), keep: parsed.keep === true });
      }),
    )
    .command(
      "doctor",
      "check the machine, and say what each lack costs and how to mend it",
      (command) => withFlags(command, [json]),
      run(async (parsed) => {
        const { runDoctor } = await import("./doctor-command.js");
        return runDoctor(parsed.json === true);
      }),
    )
    .command(
      "completion <shell>",
      "print a script that completes command lines",
      (command) => command.positional("shell", { choices: ["bash", "zsh"], demandOption: true }),
      run((parsed) => runCompletion(parsed.shell as Shell)),
    )
    .option(systemFlag.name, { type: "boolean", describe: systemFlag.help })
    .middleware(refuseSystem, true)
    .example("isomount disk.iso /mnt/iso", "mount on a folder")
    .example("isomount disk.dmg", "make a folder named after the volume, and print it")
    .example("isomount game.iso /mnt -o view=joliet,uid=1000", "options as mount(8) takes them")
    .example("isomount ./list /mnt", "an image named like a command")
    .example("isomount umount /mnt/iso", "unmount")
    .epilogue(EXIT_CODES)
    .version(version)
    .alias({ help: "h", version: "V" })
    .strict()
    .exitProcess(false)
    .fail((message, error) => {
      // What the command itself threw comes here, too.
      throw error === undefined || error.name === "YError" ? usageOf(message) : error;
    });
}

/** Commands that have no use for root's daemon. */
const ownDaemonOnly = new Set(["open", "desktop", "daemon", "watch", "doctor", "completion"]);

function refuseSystem({ system, _: [command] }: { system?: unknown; _: (string | number)[] }) {
  if (system !== true || !ownDaemonOnly.has(String(command))) return;
  throw usage(`'${command}' does not go with '--${systemFlag.name}'`);
}

function imageAndMountpoint<T>(command: Argv<T>) {
  return command
    .positional("image", { type: "string", demandOption: true })
    .positional("mountpoint", { type: "string" });
}

function withFlags<T>(command: Argv<T>, flags: readonly Flag[]): Argv<T> {
  for (const { name, alias, help } of flags) {
    command.option(name, { alias, type: "boolean", describe: help });
  }
  return command;
}

function withOptions<T>(command: Argv<T>): Argv<T> {
  command.option("o", {
    type: "string",
    array: true,
    requiresArg: true,
    describe: "options separated by commas: -o view=joliet,uid=1000",
  });
  for (const { name, value, choices, help } of ownOptions) {
    const describe = value === undefined ? help : `${help} (${value})`;
    if (value === undefined) command.option(name, { type: "boolean", describe });
    else {
      command.option(name, {
        type: "string",
        choices,
        requiresArg: true,
        describe,
      });
    }
  }
  return command;
}

/** `-o` first, then the flags, which therefore have the last word. */
function optionsOf(parsed: Parsed): RawOption[] {
  const options = ((parsed.o as string[] | undefined) ?? []).flatMap(splitOptions);
  for (const { name, value } of ownOptions) {
    const given = parsed[name];
    if (given === undefined) continue;
    if (value !== undefined) options.push({ name, value: text(given) });
    // `--no-sandbox` comes as `sandbox: false`.
    else options.push({ name: given === false ? `no${name}` : name });
  }
  return options;
}

/** Of an option that was repeated, the last. */
function text(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  return String(Array.isArray(value) ? value.at(-1) : value);
}

/** yargs' complaint as one sentence, with a guess at what was meant. */
function usageOf(message: string): Error {
  const help = "'isomount --help' shows how";
  const sentence = message.replace(/\s+/g, " ").trim();
  if (sentence.startsWith("Not enough non-option arguments")) {
    return usage("an argument is missing", help);
  }
  const unknown = /^Unknown arguments?: ([^,\s]+)/.exec(sentence)?.[1];
  if (unknown === undefined) return usage(sentence, help);
  const flags = [
    ...ownOptions,
    ...mountFlags,
    ...umountFlags,
    ...listFlags,
    ...openFlags,
    ...desktopFlags,
    systemFlag,
  ];
  const meant = nearest(
    unknown,
    flags.map(({ name }) => name),
  );
  const hint = meant === undefined ? help : `did you mean '--${meant}'?`;
  return usage(`unknown argument '${unknown}'`, hint);
}
