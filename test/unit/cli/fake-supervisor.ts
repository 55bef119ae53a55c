/**
 * Stands in for isomountd on a real socket: answers from a script, and notes what it was asked with
 * what lies in the descriptors. A process of its own, since the client blocks.
 *
 * Arguments: socket path, script file (JSON: answers by method, the last one repeated), log file.
 * An answer is `{ result }`, `{ error }`, `{ raw }` (bytes as they stand), `{ close }` or `{ silent }`.
 */
import {
  appendFileSync,
  closeSync,
  fstatSync,
  readFileSync,
  readlinkSync,
  readSync,
} from "node:fs";
import { close, fcntl, poll } from "../../../fs-adapter/system/libc.js";
import {
  acceptUnix,
  listenUnix,
  receiveMessage,
  sendMessage,
} from "../../../fs-adapter/system/unix-socket.js";

export interface ScriptedAnswer {
  result?: unknown;
  error?: { code: number; message: string; data?: object };
  /** Before the answer: an event, which has no id. */
  event?: object;
  raw?: string;
  close?: boolean;
  silent?: boolean;
}

export interface LoggedRequest {
  method: string;
  params: Record<string, unknown>;
  /** The first bytes of each regular file; the path of everything else. */
  descriptors: string[];
  /** Open flags of each. */
  flags: number[];
}

const F_GETFL = 3;
const POLLIN = 1;
const [socketPath, scriptFile, logFile] = process.argv.slice(2);
const script: Record<string, ScriptedAnswer[]> = JSON.parse(readFileSync(scriptFile, "utf8"));

function contentsOf(fd: number): string {
  if (!fstatSync(fd).isFile()) return readlinkSync(`/proc/self/fd/${fd}`);
  const head = Buffer.alloc(64);
  return head.toString("utf8", 0, readSync(fd, head, 0, head.length, 0));
}

/** Returns when the client is gone or is to be dropped. */
function serve(fd: number): void {
  const buffer = Buffer.alloc(65536);
  let text = "";
  let descriptors: number[] = [];
  for (;;) {
    const received = receiveMessage(fd, buffer)!;
    if (received.bytes.length === 0) return;
    text += Buffer.from(received.bytes).toString();
    descriptors.push(...received.descriptors);
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      const { id, method, params } = JSON.parse(text.slice(0, end));
      text = text.slice(end + 1);
      const logged: LoggedRequest = {
        method,
        params,
        descriptors: descriptors.map(contentsOf),
        flags: descriptors.map((descriptor) => fcntl(descriptor, F_GETFL, 0)),
      };
      for (const descriptor of descriptors) closeSync(descriptor);
      descriptors = [];
      appendFileSync(logFile, `${JSON.stringify(logged)}\n`);
      if (!answer(fd, id, method)) return;
    }
  }
}

function answer(fd: number, id: number, method: string): boolean {
  const answers = script[method] ?? [];
  const next = answers.length > 1 ? answers.shift() : answers[0];
  const { result, error, event, raw, close: drop, silent } = next ?? { silent: true };
  if (drop) return false;
  if (silent) return true;
  if (event) sendMessage(fd, Buffer.from(`${JSON.stringify({ jsonrpc: "2.0", ...event })}\n`));
  const line = raw ?? `${JSON.stringify({ jsonrpc: "2.0", id, result, error })}\n`;
  // In two pieces: a client must not take a packet for a line.
  const bytes = Buffer.from(line);
  sendMessage(fd, bytes.subarray(0, 3));
  sendMessage(fd, bytes.subarray(3));
  return true;
}

const listener = listenUnix(socketPath);
process.stdout.write("ready\n");
for (;;) {
  const waiting = Buffer.alloc(8);
  waiting.writeInt32LE(listener, 0);
  waiting.writeInt16LE(POLLIN, 4);
  poll(waiting, 1, -1);
  const client = acceptUnix(listener);
  if (client === undefined) continue;
  try {
    serve(client);
  } catch {
    // A client that went away while it was answered.
  }
  close(client);
}
