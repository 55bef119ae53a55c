/** One client: lines in, lines out, descriptors with the lines that mention them. */
import { closeForeign, sift } from "../../fs-adapter/system/close-foreign.js";
import { close, SystemError } from "../../fs-adapter/system/libc.js";
import { POLLERR, POLLHUP, POLLIN, POLLOUT, type Poller } from "../../fs-adapter/system/poller.js";
import {
  type PeerCredentials,
  peekBytes,
  receiveMessage,
  sendAvailable,
} from "../../fs-adapter/system/unix-socket.js";
import { MAX_LINE_BYTES, RpcErrorCode } from "../rpc/protocol.js";
import { Allowance } from "./allowance.js";
import { RequestFailure } from "./failure.js";
import { BlockPool, LineBuffer, lineSizes } from "./line-buffer.js";
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
  /** Is about to be closed, for this reason. */
  dropped(connection: RpcConnection, reason: string): void;
  /** An allowance is exceeded: somebody has to go. */
  exceeded(): void;
}

const LOSSES = {
  sifted: {
    code: RpcErrorCode.denied,
    text: "the image, or a file beside it, lies in a FUSE filesystem or a foreign one: the system's daemon takes none from there; copy it",
    data: { code: "EPERM" },
  },
  cut: {
    code: RpcErrorCode.mount,
    text: "isomountd has no descriptor left: unmount something, or raise its limit (LimitNOFILE= of the unit, ulimit -Hn) and restart it",
    data: { code: "EMFILE" },
  },
};

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
  /** Why a descriptor that came with the present line was not taken. */
  private lost: keyof typeof LOSSES | undefined;
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
    if (this.unsentBytes > MAX_UNSENT_BYTES) this.drop("it does not read what it has asked for");
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

  /** It is no client of ours, or a broken one. */
  private drop(reason: string): void {
    if (!this.open) return;
    this.events.dropped(this, reason);
    this.close();
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

  /** One chunk a round, so that one busy client does not starve the others. */
  private receive(): void {
    const { chunk } = this.allowances;
    try {
      const there = peekBytes(this.fd, chunk);
      if (there === undefined) return this.wait();
      // One line at a time: what is received with it has come with it, and not with the next.
      for (const size of there.length === 0 ? [1] : lineSizes(there)) {
        // What came with descriptors is received by itself.
        for (let left = size; left > 0; ) {
          const taken = this.take(chunk.subarray(0, left));
          if (taken === 0 || !this.open) break;
          left -= taken;
        }
        if (!this.open) return;
      }
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      return this.close();
    }
    this.checkAllowances();
    if (this.open) this.wait();
  }

  /** A line or less; how many bytes of it. Throws SystemError. */
  private take(room: Buffer): number {
    const { bytes, descriptors } = this.allowances;
    const received = receiveMessage(this.fd, room, false);
    if (received === undefined) return 0;
    const taken = this.peer.guest ? sift(received.descriptors) : received.descriptors;
    if (taken.length < received.descriptors.length) this.lost = "sifted";
    if (received.isCut) this.lost = "cut";
    this.pending.push(...taken);
    descriptors.take(taken.length);
    const { length } = received.bytes;
    if (length === 0) {
      // It says no more, but may still listen: `echo REQUEST | socat - UNIX:control.sock`.
      this.saysNoMore = true;
      this.closeIfDone();
      return 0;
    }
    if (this.pending.length > MAX_PENDING_DESCRIPTORS) {
      this.drop(`it sent more than ${MAX_PENDING_DESCRIPTORS} descriptors with a request`);
      return 0;
    }
    if (this.lines.length + length > MAX_LINE_BYTES) {
      this.drop(`it sent a line of more than ${MAX_LINE_BYTES} bytes`);
      return 0;
    }
    const before = this.lines.capacity;
    const lines = this.lines.append(room.subarray(0, length));
    bytes.take(this.lines.capacity - before);
    for (const line of lines) {
      const theirs = this.pending;
      this.pending = [];
      descriptors.take(-theirs.length);
      this.handle(line, theirs);
    }
    return length;
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
    if (this.lost !== undefined) {
      const { code, text, data } = LOSSES[this.lost];
      this.lost = undefined;
      closeForeign(descriptors);
      return isNotification ? undefined : this.refuse(id, code, text, data);
    }
    if (++this.unanswered > MAX_UNANSWERED) {
      closeForeign(descriptors);
      return this.drop(`it asked ${MAX_UNANSWERED} things without waiting for an answer`);
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
