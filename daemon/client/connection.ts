/**
 * A connection to isomountd: one request at a time, blocking, with descriptors. No event loop: the
 * command has nothing else to do, and starting is quicker without.
 */
import { dirname } from "node:path";
import { close } from "../../fs-adapter/system/libc.js";
import {
  connectUnix,
  peerCredentials,
  receiveMessage,
  sendMessage,
  setTimeouts,
} from "../../fs-adapter/system/unix-socket.js";
import type { DaemonEvent, Methods, RpcErrorData } from "../rpc/protocol.js";
import { daemonPid, isStopped } from "./daemon-process.js";
import { codeOf, ExitCode, Failure, systemFailure } from "./failure.js";

/** Longer than the daemon's own deadlines, so that it is the daemon that says what took so long. */
const ANSWER_SECONDS = 60;

/** So often it is looked at whether there is anybody who could answer. */
const LOOK_SECONDS = 1;

/** An answer is a list of mounts at most; anything longer does not come from isomountd. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** An error that the daemon answered. */
export class RpcFailure extends Error {
  override readonly name = "RpcFailure";

  constructor(
    message: string,
    /** Of `RpcErrorCode`. */
    readonly code: number,
    readonly data: RpcErrorData,
  ) {
    super(message);
  }
}

/** The daemon has ended, or has ended the connection: what was asked may have been done or not. */
export class ConnectionLost extends Failure {
  constructor(error?: unknown) {
    super("isomountd closed the connection", {
      exitCode: ExitCode.system,
      code: codeOf(error),
      hint: "its log says why",
    });
  }
}

interface Notification {
  method?: string;
  params: DaemonEvent;
}

interface Answer<Result> {
  id?: number;
  result?: Result;
  error?: { code: number; message: string; data?: RpcErrorData };
}

export class Connection {
  private lastId = 0;
  private readonly chunk = Buffer.allocUnsafe(64 * 1024);
  /** Received, but not a whole line yet. */
  private rest: Buffer = Buffer.alloc(0);

  private constructor(
    private readonly fd: number,
    private readonly path: string,
    private readonly seconds: number,
  ) {}

  /** Throws SystemError: ENOENT and ECONNREFUSED mean that no daemon runs. */
  static open(path: string, seconds = ANSWER_SECONDS): Connection {
    const fd = connectUnix(path);
    setTimeouts(fd, Math.min(seconds, LOOK_SECONDS), seconds);
    return new Connection(fd, path, seconds);
  }

  /** The descriptors are sent with the request and stay the caller's. Throws RpcFailure and Failure. */
  call<M extends keyof Methods>(
    method: M,
    params: Methods[M]["params"],
    descriptors: readonly number[] = [],
  ): Methods[M]["result"] {
    const id = ++this.lastId;
    const line = `${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`;
    try {
      sendMessage(this.fd, Buffer.from(line), descriptors);
    } catch (error) {
      throw this.lost(error);
    }
    for (;;) {
      const answer = parse<Methods[M]["result"]>(this.readLine());
      // Lines without an id are events.
      if (answer.id !== id) continue;
      if (answer.error === undefined) return answer.result as Methods[M]["result"];
      const { code, message, data } = answer.error;
      throw new RpcFailure(message, code, data ?? {});
    }
  }

  /** The next event; waits for as long as none comes. */
  event(): DaemonEvent {
    setTimeouts(this.fd, 0);
    for (;;) {
      const { method, params } = JSON.parse(this.readLine()) as Notification;
      if (method === "event") return params;
    }
  }

  close(): void {
    close(this.fd);
  }

  private readLine(): string {
    let scanned = 0;
    for (;;) {
      const end = this.rest.indexOf(0x0a, scanned);
      if (end >= 0) {
        const line = this.rest.toString("utf8", 0, end);
        this.rest = this.rest.subarray(end + 1);
        return line;
      }
      scanned = this.rest.length;
      if (scanned > MAX_ANSWER_BYTES) throw systemFailure("isomountd sent an answer without end");
      this.rest = Buffer.concat([this.rest, this.receive()]);
    }
  }

  private receive(): Uint8Array {
    const deadline = performance.now() + this.seconds * 1000;
    for (;;) {
      try {
        const { bytes, descriptors } = receiveMessage(this.fd, this.chunk)!;
        // None is ever due to a client; kept open they would pin what they refer to.
        for (const descriptor of descriptors) close(descriptor);
        if (bytes.length > 0) return bytes;
      } catch (error) {
        if (isTimeout(error) && performance.now() < deadline) this.refuseIfStopped(error);
        else throw this.lost(error);
        continue;
      }
      throw new ConnectionLost();
    }
  }

  /** Whoever has stopped it may have had a reason: it is for a person to let it go on. */
  private refuseIfStopped(error: unknown): void {
    // Of systemd's socket the peer is systemd; of the group's, the folder is closed.
    const pid = daemonPid(dirname(this.path)) ?? peerCredentials(this.fd).pid;
    if (!isStopped(pid)) return;
    throw systemFailure(
      `isomountd (process ${pid}) is stopped and answers nobody`,
      error,
      `kill -CONT ${pid} lets it go on`,
    );
  }

  private lost(error: unknown): Error {
    const code = codeOf(error);
    if (isTimeout(error)) {
      return systemFailure(
        `isomountd did not answer within ${this.seconds} seconds`,
        error,
        "'isomount doctor' says what to do",
      );
    }
    if (code === "EPIPE" || code === "ECONNRESET") {
      return new ConnectionLost(error);
    }
    return error as Error;
  }
}

/** Two names of one number; the second is what node:os lists last. */
function isTimeout(error: unknown): boolean {
  const code = codeOf(error);
  return code === "EAGAIN" || code === "EWOULDBLOCK";
}

function parse<Result>(line: string): Answer<Result> {
  let answer: unknown;
  try {
    answer = JSON.parse(line);
  } catch (error) {
    throw systemFailure(`isomountd sent no JSON: ${(error as Error).message}`);
  }
  if (typeof answer !== "object" || answer === null)
    throw systemFailure("isomountd sent no object");
  return answer as Answer<Result>;
}
