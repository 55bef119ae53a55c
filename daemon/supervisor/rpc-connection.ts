/** One client: lines in, lines out, descriptors with the lines that mention them. */
import { closeForeign, sift } from "../../fs-adapter/system/close-foreign.js";
import { close } from "../../fs-adapter/system/libc.js";
import { POLLERR, POLLHUP, POLLIN, POLLOUT, type Poller } from "../../fs-adapter/system/poller.js";
import {
  type PeerCredentials,
  receiveMessage,
  sendAvailable,
} from "../../fs-adapter/system/unix-socket.js";
import { MAX_LINE_BYTES, RpcErrorCode } from "../rpc/protocol.js";
import { Allowance } from "./allowance.js";
import { RequestFailure } from "./failure.js";
import { BlockPool, LineBuffer } from "./line-buffer.js";
import { nesting } from "./nesting.js";

/** Descriptors that came and no request has taken: more is no client of ours. */
const MAX_PENDING_DESCRIPTORS = 16;
/** Requests that wait for their answers: a client of ours has one or two. */
const MAX_UNANSWERED = 64;
/** Answers that wait to be read: the list of ten thousand mounts. */
const MAX_UNSENT_BYTES = 16 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
/** A request of ours has three levels. Each takes a hundred times its bracket when it is parsed. */
const MAX_NESTING = 32;

/** Of lines that have not ended and of answers that wait, of all connections together. */
const MAX_HELD_BYTES = 32 * 1024 * 1024;

/** Shared by all connections. */
export class Allowances {
  /** One is enough: what is received is looked at, or copied, at once. */
  readonly chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  readonly blocks = new BlockPool();
  readonly bytes = new Allowance(MAX_HELD_BYTES);
  readonly descriptors: Allowance;

  constructor(descriptors: number) {
    this.descriptors = new Allowance(descriptors);
  }
}

export interface Peer extends PeerCredentials {
  /** A member of the group that root's daemon serves: may do less (see `guests.ts`). */
  guest: boolean;
  /** Of a guest: all that they are a member of. */
  groups: readonly number[];
}

export interface Request {
  method: string;
  params: unknown;
  /** Owned by the handler, which takes them with `splice` or leaves them to be closed. */
  descriptors: number[];
  connection: RpcConnection;
}

export interface ConnectionEvents {
  request(request: Request): Promise<unknown>;
  closed(connection: RpcConnection): void;
  /** An allowance is exceeded: somebody has to go. */
  exceeded(): void;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

interface Call {
  jsonrpc?: unknown;
  id?: unknown;
  method?: unknown;
  params?: unknown;
}

export class RpcConnection {
  private readonly lines: LineBuffer;
  private pending: number[] = [];
  private unsent: Buffer[] = [];
  private unsentBytes = 0;
  private unanswered = 0;
  private spoken = false;
  /** A descriptor that came with the present line was not taken. */
  private sifted = false;
  private saysNoMore = false;
  private open = true;

  constructor(
    private readonly poller: Poller,
    private readonly fd: number,
    readonly peer: Peer,
    private readonly allowances: Allowances,
    private readonly events: ConnectionEvents,
  ) {
    this.lines = new LineBuffer(allowances.blocks);
    this.wait();
  }

  /** It has connected, and no more than that. */
  get silent(): boolean {
    return !this.spoken;
  }

  /** What it makes the daemon hold. */
  get load(): { bytes: number; descriptors: number } {
    return {
      bytes: this.lines.capacity + this.unsentBytes,
      descriptors: this.pending.length,
    };
  }

  /** A client that does not read what it asked for loses the connection: nothing waits for it. */
  send(message: object): void {
    if (!this.open) return;
    const line = Buffer.from(`${JSON.stringify(message)}\n`);
    this.unsent.push(line);
    this.unsentBytes += line.length;
    this.allowances.bytes.take(line.length);
    // What waits already goes first, when there is room.
    if (this.unsent.length === 1) this.flush();
    if (this.unsentBytes > MAX_UNSENT_BYTES) this.close();
    this.checkAllowances();
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.poller.unwatch(this.fd);
    close(this.fd);
    closeForeign(this.pending);
    this.allowances.descriptors.take(-this.pending.length);
    this.allowances.bytes.take(-this.lines.capacity - this.unsentBytes);
    this.lines.clear();
    this.pending = [];
    this.unsent = [];
    this.unsentBytes = 0;
    this.events.closed(this);
  }

  private checkAllowances(): void {
    const { bytes, descriptors } = this.allowances;
    if (bytes.exceeded || descriptors.exceeded) this.events.exceeded();
  }

  private wait(): void {
    const events = (this.saysNoMore ? 0 : POLLIN) | (this.unsent.length > 0 ? POLLOUT : 0);
    this.poller.watch(this.fd, events, (ready) => {
      if (this.saysNoMore && (ready & (POLLHUP | POLLERR)) !== 0) return this.close();
      if ((ready & POLLOUT) !== 0) this.flush();
      if (!this.open) return;
      if (this.saysNoMore) this.closeIfDone();
      else this.receive();
    });
  }

  /** All that it asked has been answered. */
  private closeIfDone(): void {
    if (this.saysNoMore && this.unanswered === 0 && this.unsent.length === 0) this.close();
  }

  /** Sends what the client has room for. */
  private flush(): void {
    try {
      while (this.unsent.length > 0) {
        const [first] = this.unsent;
        const sent = sendAvailable(this.fd, first);
        this.unsentBytes -= sent;
        this.allowances.bytes.take(-sent);
        if (sent < first.length) {
          this.unsent[0] = first.subarray(sent);
          return this.wait();
        }
        this.unsent.shift();
      }
    } catch {
      this.close();
    }
  }

  /** Once a round, so that one busy client does not starve the others. */
  private receive(): void {
    const { chunk, bytes, descriptors } = this.allowances;
    let received: ReturnType<typeof receiveMessage>;
    try {
      received = receiveMessage(this.fd, chunk, false);
    } catch {
      return this.close();
    }
    if (received === undefined) return this.wait();
    const taken = this.peer.guest ? sift(received.descriptors) : received.descriptors;
    if (taken.length < received.descriptors.length) this.sifted = true;
    this.pending.push(...taken);
    descriptors.take(taken.length);
    if (received.bytes.length === 0) {
      // It says no more, but may still listen: `echo REQUEST | socat - UNIX:control.sock`.
      this.saysNoMore = true;
      this.closeIfDone();
      if (this.open) this.wait();
      return;
    }
    if (this.pending.length > MAX_PENDING_DESCRIPTORS) return this.close();
    const before = this.lines.capacity;
    const lines = this.lines.append(chunk.subarray(0, received.bytes.length));
    bytes.take(this.lines.capacity - before);
    for (const line of lines) {
      // Descriptors ride with the first byte of their line: they are all here.
      const theirs = this.pending;
      this.pending = [];
      descriptors.take(-theirs.length);
      this.handle(line, theirs);
      if (!this.open) return;
    }
    if (this.lines.length > MAX_LINE_BYTES) return this.close();
    this.checkAllowances();
    if (this.open) this.wait();
  }

  private handle(line: string, descriptors: number[]): void {
    let call: Call;
    this.spoken = true;
    try {
      if (nesting(line) > MAX_NESTING) throw new Error("nested too deeply");
      call = JSON.parse(line) as Call;
    } catch {
      closeForeign(descriptors);
      return this.refuse(null, RpcErrorCode.parseError, "not JSON");
    }
    if (Array.isArray(call)) {
      closeForeign(descriptors);
      const instead = "send one request a line, as many as you like";
      return this.refuse(null, RpcErrorCode.invalidRequest, `batches are not taken: ${instead}`);
    }
    // Of a number that is no safe integer, the answer could bear another.
    const isId = isText(call?.id) || Number.isSafeInteger(call?.id) || call?.id === null;
    const isNotification = call?.id === undefined;
    const id = isId ? call.id : null;
    if (call?.jsonrpc !== "2.0" || typeof call.method !== "string" || !(isId || isNotification)) {
      closeForeign(descriptors);
      return this.refuse(id, RpcErrorCode.invalidRequest, "not a JSON-RPC 2.0 request");
    }
    if (this.sifted) {
      this.sifted = false;
      closeForeign(descriptors);
      const what = "the image, or a file beside it, lies in a FUSE filesystem or a foreign one";
      const text = `${what}: the system's daemon takes none from there; copy it`;
      return isNotification
        ? undefined
        : this.refuse(id, RpcErrorCode.denied, text, { code: "EPERM" });
    }
    if (++this.unanswered > MAX_UNANSWERED) {
      closeForeign(descriptors);
      return this.close();
    }
    const request = { method: call.method, params: call.params, descriptors, connection: this };
    this.events
      .request(request)
      .then(
        (result) => {
          if (!isNotification) this.send({ jsonrpc: "2.0", id, result });
        },
        (error: unknown) => {
          if (isNotification) return;
          if (error instanceof RequestFailure) {
            return this.refuse(id, error.code, error.message, error.data);
          }
          const text = error instanceof Error ? error.message : String(error);
          this.refuse(id, RpcErrorCode.internalError, text);
        },
      )
      .finally(() => {
        this.unanswered--;
        this.closeIfDone();
        closeForeign(descriptors);
      });
  }

  private refuse(id: unknown, code: number, message: string, data?: object): void {
    this.send({ jsonrpc: "2.0", id, error: { code, message, data } });
  }
}
