/** One client: lines in, lines out, descriptors with the lines that mention them. */
import { close } from "../../fs-adapter/system/libc.js";
import { POLLIN, type Poller } from "../../fs-adapter/system/poller.js";
import {
  type PeerCredentials,
  receiveMessage,
  sendMessage,
} from "../../fs-adapter/system/unix-socket.js";
import { MAX_LINE_BYTES, RpcErrorCode } from "../rpc/protocol.js";
import { RequestFailure } from "./failure.js";

/** Descriptors that came and no request has taken: more is no client of ours. */
const MAX_PENDING_DESCRIPTORS = 16;
const CHUNK_BYTES = 64 * 1024;

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
}

interface Call {
  jsonrpc?: unknown;
  id?: unknown;
  method?: unknown;
  params?: unknown;
}

export class RpcConnection {
  private readonly chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  private rest: Buffer = Buffer.alloc(0);
  private pending: number[] = [];
  private open = true;

  constructor(
    private readonly poller: Poller,
    private readonly fd: number,
    readonly peer: PeerCredentials,
    private readonly events: ConnectionEvents,
  ) {
    this.wait();
  }

  /** A client that does not read what it asked for loses the connection: nothing waits for it. */
  send(message: object): void {
    if (!this.open) return;
    try {
      sendMessage(this.fd, Buffer.from(`${JSON.stringify(message)}\n`), [], false);
    } catch {
      this.close();
    }
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.poller.unwatch(this.fd);
    close(this.fd);
    for (const fd of this.pending) close(fd);
    this.pending = [];
    this.events.closed(this);
  }

  private wait(): void {
    this.poller.watch(this.fd, POLLIN, () => this.receive());
  }

  /** Once a round, so that one busy client does not starve the others. */
  private receive(): void {
    let received: ReturnType<typeof receiveMessage>;
    try {
      received = receiveMessage(this.fd, this.chunk, false);
    } catch {
      return this.close();
    }
    if (received === undefined) return this.wait();
    this.pending.push(...received.descriptors);
    if (received.bytes.length === 0) return this.close();
    if (this.pending.length > MAX_PENDING_DESCRIPTORS) return this.close();
    this.rest = Buffer.concat([this.rest, received.bytes]);
    for (let end = this.rest.indexOf(0x0a); end >= 0; end = this.rest.indexOf(0x0a)) {
      const line = this.rest.toString("utf8", 0, end);
      this.rest = this.rest.subarray(end + 1);
      // Descriptors ride with the first byte of their line: they are all here.
      const descriptors = this.pending;
      this.pending = [];
      this.handle(line, descriptors);
      if (!this.open) return;
    }
    if (this.rest.length > MAX_LINE_BYTES) return this.close();
    this.wait();
  }

  private handle(line: string, descriptors: number[]): void {
    let call: Call;
    try {
      call = JSON.parse(line) as Call;
    } catch {
      for (const fd of descriptors) close(fd);
      return this.refuse(null, RpcErrorCode.parseError, "not JSON");
    }
    const id = typeof call?.id === "number" || typeof call?.id === "string" ? call.id : null;
    if (call?.jsonrpc !== "2.0" || typeof call.method !== "string") {
      for (const fd of descriptors) close(fd);
      return this.refuse(id, RpcErrorCode.invalidRequest, "not a JSON-RPC 2.0 request");
    }
    const request = { method: call.method, params: call.params, descriptors, connection: this };
    this.events
      .request(request)
      .then(
        (result) => this.send({ jsonrpc: "2.0", id, result }),
        (error: unknown) => {
          if (error instanceof RequestFailure) {
            return this.refuse(id, error.code, error.message, error.data);
          }
          const text = error instanceof Error ? error.message : String(error);
          this.refuse(id, RpcErrorCode.internalError, text);
        },
      )
      .finally(() => {
        for (const fd of descriptors) close(fd);
      });
  }

  private refuse(id: unknown, code: number, message: string, data?: object): void {
    this.send({ jsonrpc: "2.0", id, error: { code, message, data } });
  }
}
