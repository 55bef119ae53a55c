/**
 * Prometheus text over HTTP on a unix socket in the runtime folder: `curl --unix-socket
 * metrics.sock http://isomount/metrics`. HTTP and prom-client are loaded when somebody connects.
 */
import { unlinkSync } from "node:fs";
import type { Server } from "node:http";
import { join } from "node:path";
import type { Poller } from "../../fs-adapter/system/poller.js";
import { listenUnix } from "../../fs-adapter/system/unix-socket.js";
import { Listener } from "./listener.js";

/** Longer than any scraper waits between two requests on one connection. */
const IDLE_MILLISECONDS = 120_000;
/** Scrapers, of which there is one as a rule. */
const MAX_CONNECTIONS = 16;

export class MetricsSocket {
  private readonly path: string;
  private server: Promise<Server> | undefined;
  private connections = 0;

  /** The lock on the folder is ours: a socket that lies there is a dead daemon's. */
  constructor(
    poller: Poller,
    folder: string,
    private readonly render: () => Promise<string>,
    warn: (message: string) => void,
  ) {
    this.path = join(folder, "metrics.sock");
    this.remove();
    const connected = (fd: number) => {
      this.server ??= this.makeServer();
      void this.connect(fd, this.server);
    };
    new Listener(poller, listenUnix(this.path), connected, warn).accept();
  }

  remove(): void {
    try {
      unlinkSync(this.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }

  private async connect(fd: number, server: Promise<Server>): Promise<void> {
    const { Socket } = await import("node:net");
    const socket = new Socket({ fd, readable: true, writable: true });
    if (this.connections >= MAX_CONNECTIONS) {
      socket.destroy();
      return;
    }
    this.connections++;
    socket.setTimeout(IDLE_MILLISECONDS, () => socket.destroy());
    socket.on("close", () => this.connections--);
    (await server).emit("connection", socket);
  }

  private async makeServer(): Promise<Server> {
    const { createServer } = await import("node:http");
    return createServer((request, response) => {
      const isRead = request.method === "GET" || request.method === "HEAD";
      // Scrapers may be configured to add parameters.
      if (request.url?.split("?")[0] !== "/metrics" || !isRead) {
        response
          .writeHead(404, { "content-type": "text/plain" })
          .end("only GET /metrics is here\n");
        return;
      }
      this.render().then(
        (text) => {
          response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(text);
        },
        (error: Error) => {
          response.writeHead(500, { "content-type": "text/plain" }).end(`${error.message}\n`);
        },
      );
    });
  }
}
