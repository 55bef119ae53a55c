/** Whether the daemon runs, answers, and is the same version as this command; and its log. */
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { daemonPid, isStopped } from "../client/daemon-process.js";
import { reasonOf } from "../client/failure.js";
import { version } from "../version.js";
import type { DaemonAnswer } from "./daemons.js";
import { type Finding, fine, lack } from "./finding.js";
import { shellWord } from "./shell-word.js";

/** The log says what went wrong; one this large says it over and over. */
const LARGE_LOG = 64 * 1024 * 1024;

/** Of all answers, the one of the daemon in `folder` counts. */
export function daemonState(
  folder: string,
  answers: readonly DaemonAnswer[],
  ours = version,
): Finding {
  const subject = "daemon";
  const answer = answers.find((candidate) => candidate.folder === folder);
  if (answer === undefined) return fine(subject, "does not run; the first mount starts it");
  const { info, problem } = answer;
  if (info === undefined) {
    const pid = daemonPid(folder);
    return lack(
      "failure",
      subject,
      `runs, but does not answer: ${problem}`,
      "nothing can be mounted or unmounted by isomount; what is mounted goes on",
      remedyFor(pid),
    );
  }
  const running = `runs as process ${info.pid}, version ${info.version}`;
  if (info.version === ours) return fine(subject, `${running}, ${count(info.mounts)}`);
  return lack(
    "warning",
    subject,
    `${running}; this command is version ${ours}`,
    "what is new in this version does not take effect, and the two may misunderstand each other",
    "isomount daemon restart",
  );
}

function remedyFor(pid: number | undefined): string {
  if (pid === undefined) return "isomount daemon start";
  // One that hears nothing cannot be asked to go.
  return isStopped(pid) ? `kill -CONT ${pid}` : `kill -9 ${pid}; then: isomount daemon start`;
}

function count(mounts: number): string {
  return mounts === 1 ? "1 mount" : `${mounts} mounts`;
}

/** Only a daemon that systemd does not run has one. */
export function daemonLog(folder: string): Finding {
  const subject = "log";
  const path = join(folder, "isomountd.log");
  if (!existsSync(path)) return fine(subject, "none yet, or it is in the journal");
  const word = shellWord(path);
  try {
    accessSync(path, constants.W_OK);
  } catch (error) {
    const found = `${path} cannot be written: ${reasonOf(error)}`;
    return lack("failure", subject, found, "the daemon cannot be started", `sudo rm ${word}`);
  }
  const { size } = statSync(path);
  if (size <= LARGE_LOG) return fine(subject, path);
  return lack(
    "warning",
    subject,
    `${path} has ${Math.round(size / 2 ** 20)} MiB`,
    "something goes wrong over and over, and memory goes with it",
    `tail ${word} says what; then: truncate --size 0 ${word}`,
  );
}
