/** Images on their way to being mounted, each with the client that opens it. */
import { RpcErrorCode } from "../rpc/protocol.js";
import type { ServerConfig } from "../server/messages.js";
import { RequestFailure } from "./failure.js";
import type { FileQuotas } from "./file-quota.js";
import { Image } from "./image.js";
import type { Log } from "./log.js";
import { OpenSession } from "./open-session.js";
import { type OpenedServer, openServer } from "./opening.js";
import type { ServerPool } from "./server-pool.js";

export interface OpenRequest {
  path: string;
  config: ServerConfig;
  timeZone: string;
  sandbox: boolean;
  /** Who opens it. */
  uid: number;
  /** Owned by the session from here on. */
  image: number;
}

/** One whose image is open. */
export type OpenedSession = OpenSession & { opened: OpenedServer };

export class OpenSessions {
  private readonly sessions = new Map<string, OpenSession>();
  private last = 0;

  constructor(
    private readonly servers: ServerPool,
    private readonly quotas: FileQuotas,
    private readonly log: Log,
  ) {}

  begin({ path, image: fd, config, timeZone, sandbox, uid }: OpenRequest): OpenSession {
    const id = `s${++this.last}`;
    const image = new Image(path, fd, config, timeZone, sandbox, this.quotas.of(uid));
    // Async: a server that cannot even be started, for want of descriptors, fails this image alone.
    const session = new OpenSession(id, image, async (supply) =>
      openServer({
        server: this.servers.hire(image),
        image,
        supply,
        complaint: (line) => this.log.warn(`${path}: ${line}`),
      }),
    );
    this.sessions.set(id, session);
    return session;
  }

  /** Throws RequestFailure where there is none. */
  find(id: string): OpenSession {
    const session = this.sessions.get(id);
    if (session === undefined) {
      throw new RequestFailure(RpcErrorCode.invalidParams, `there is no session ${id}`);
    }
    return session;
  }

  /** Its image is open, and becomes a mount: the session is over. */
  take(id: string): OpenedSession {
    const session = this.find(id);
    if (!isOpen(session)) {
      throw new RequestFailure(RpcErrorCode.invalidParams, "the image is not open yet");
    }
    this.sessions.delete(id);
    return session;
  }

  /** Ends one that was not mounted. */
  abandon(id: string): void {
    this.sessions.get(id)?.abandon();
    this.sessions.delete(id);
  }
}

function isOpen(session: OpenSession): session is OpenedSession {
  return session.opened !== undefined;
}
