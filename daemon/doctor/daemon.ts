/** Whether the daemon runs, answers, and is the same version as this command; and its log. */
import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
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
  locks = readFileSync("/proc/locks", "utf8"),
): Finding {
  const subject = "daemon";
  const answer = answers.find((candidate) => candidate.folder === folder);
  if (answer === undefined) return fine(subject, "does not run; the first mount starts it");
  const { info, problem } = answer;
  if (info === undefined) {
    const pid = lockHolder(join(folder, "isomountd.lock"), locks);
    return lack(
      "failure",
      subject,
      `runs, but does not answer: ${problem}`,
      "nothing can be mounted or unmounted by isomount; what is mounted goes on",
      // One that hears nothing cannot be asked to go.
      pid === undefined ? "isomount daemon start" : `kill -9 ${pid}; then: isomount daemon start`,
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

/** `locks` as proc(5) has it: `1: FLOCK  ADVISORY  WRITE 4711 00:2e:123 0 EOF`. */
function lockHolder(path: string, locks: string): number | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  const { dev, ino } = stat;
  const hex = (part: number) => part.toString(16).padStart(2, "0");
  // makedev(3), for the numbers that there are.
  const file = `${hex((dev >> 8) & 0xfff)}:${hex((dev & 0xff) | ((dev >> 12) & 0xfff00))}:${ino}`;
  for (const line of locks.split("\n")) {
    const [, type, , , pid, place] = line.trim().split(/\s+/);
    if (type === "FLOCK" && place === file && Number(pid) > 0) return Number(pid);
  }
  return undefined;
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
