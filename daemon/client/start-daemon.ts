/** Starting isomountd where none runs, and waiting until it is ready or has said why not. */
import { spawn } from "node:child_process";
import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { check, pipe2, poll } from "../../fs-adapter/system/libc.js";
import { DAEMON_FLAGS } from "../rpc/daemon-flags.js";
import { reasonOf, systemFailure } from "./failure.js";

/**
 * Longer than all that the daemon itself waits for meanwhile: another that is on its way out, a
 * keeper and servers that are slow to answer, servers that are started anew.
 */
const READY_MILLISECONDS = 60_000;
const O_CLOEXEC = 0o2000000;
const POLLIN = 1;

/**
 * Runs `isomountd` by this Node in a session of its own, its output in `folder`/isomountd.log. It
 * writes `ready`, or in one line why it cannot run, to descriptor 3. Returns when there is
 * somebody to connect to: when two start at once, the second finds the first there and ends, and
 * that is as good.
 */
export function startDaemon(isomountd: string, folder: string): void {
  const log = join(folder, "isomountd.log");
  const answer = spawnWithPipe(isomountd, log);
  if (answer === "ready" || answer.startsWith("already running")) return;
  throw systemFailure(
    `isomountd did not start: ${answer === "" ? "it ended without a word" : answer}`,
    undefined,
    `see ${log}`,
  );
}

function spawnWithPipe(isomountd: string, log: string): string {
  let output: number;
  try {
    output = openSync(log, "a", 0o600);
  } catch (error) {
    throw systemFailure(`cannot write ${log}: ${reasonOf(error)}`, error);
  }
  const pipe = new Int32Array(2);
  check(pipe2(pipe, O_CLOEXEC), "pipe2");
  const [reader, writer] = pipe;
  try {
    const child = spawn(process.execPath, [...DAEMON_FLAGS, isomountd], {
      cwd: "/",
      detached: true,
      stdio: ["ignore", output, output, writer],
    });
    // Reported by `child.pid` being undefined as well; without a listener it would be thrown later.
    child.on("error", () => {});
    child.unref();
    closeSync(writer);
    if (child.pid === undefined) return `cannot run ${process.execPath}`;
    return readLine(reader);
  } finally {
    closeSync(output);
    closeSync(reader);
  }
}

/** What the daemon says up to the end of the line or of the pipe. */
function readLine(reader: number): string {
  const deadline = performance.now() + READY_MILLISECONDS;
  const chunk = Buffer.alloc(4096);
  let said = "";
  while (!said.includes("\n") && said.length < 16384) {
    // struct pollfd: int fd, short events, short revents.
    const wanted = Buffer.alloc(8);
    wanted.writeInt32LE(reader, 0);
    wanted.writeInt16LE(POLLIN, 4);
    const left = Math.ceil(deadline - performance.now());
    if (left <= 0 || poll(wanted, 1, left) === 0) {
      throw systemFailure(
        `isomountd was not ready within ${READY_MILLISECONDS / 1000} seconds`,
        undefined,
        "it goes on starting; its log says what it waits for",
      );
    }
    const got = readSync(reader, chunk);
    if (got === 0) break;
    said += chunk.toString("utf8", 0, got);
  }
  return said.trim();
}
