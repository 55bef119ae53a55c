// @ts-check
/** Running the steps of the set-up: quiet while all is well, the whole output where it is not. */
import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's top folder. */
export const project = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** A step that takes longer than this is named while it runs. */
const QUIET_MILLISECONDS = 1000;

/** A step failed; its own output was shown. */
export class StepFailed extends Error {
  /**
   * @param {string} message
   * @param {number} exitCode
   */
  constructor(message, exitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}

/**
 * Runs a program to its end. Its output is shown only where it fails.
 *
 * @param {string} title what it does, in words: "installing npm packages"
 * @param {readonly string[]} command
 * @param {{ env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<void>} rejected with StepFailed
 */
export async function step(title, [program, ...parameters], { env } = {}) {
  const timer = setTimeout(() => say(`${title} ...`), QUIET_MILLISECONDS);
  const child = spawn(program, parameters, {
    cwd: project,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  /** @type {Buffer[]} */
  const output = [];
  child.stdout.on("data", (chunk) => output.push(chunk));
  child.stderr.on("data", (chunk) => output.push(chunk));
  const exitCode = await new Promise((done) => {
    child.on("error", (error) => {
      output.push(Buffer.from(`${error.message}\n`));
      done(127);
    });
    child.on("close", (status) => done(status ?? 1));
  });
  clearTimeout(timer);
  if (exitCode === 0) return;
  process.stderr.write(Buffer.concat(output));
  throw new StepFailed(`${title} failed: ${[program, ...parameters].join(" ")}`, exitCode);
}

/**
 * Runs a program with this terminal as its own.
 *
 * @param {readonly string[]} command
 * @param {{ cwd?: string }} [options]
 * @returns {number} exit status
 */
export function attached([program, ...parameters], { cwd = project } = {}) {
  const { status, error } = spawnSync(program, parameters, { cwd, stdio: "inherit" });
  if (error !== undefined) throw error;
  return status ?? 1;
}

/**
 * @param {readonly string[]} command
 * @returns {string | undefined} what it printed; undefined where it is not there or failed
 */
export function outputOf([program, ...parameters]) {
  const { status, stdout } = spawnSync(program, parameters, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return status === 0 ? stdout : undefined;
}

/**
 * Whether the program is on the path; also in the folders for administrators, which users often
 * do not have on theirs.
 *
 * @param {string} program
 */
export function isInstalled(program) {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** @param {string} line */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/**
 * Ends the process as the failed step did.
 *
 * @param {() => Promise<number>} main returns the exit status
 */
export async function runSteps(main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    say(error.message);
    process.exitCode = error.exitCode;
  }
}
