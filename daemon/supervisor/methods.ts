/** The methods of the control protocol: parameters are checked, descriptors taken, the supervisor asked. */
import { basename } from "node:path";
import { cachedStat } from "../../fs-adapter/system/cached-stat.js";
import { closeForeign, isWritable } from "../../fs-adapter/system/close-foreign.js";
import { memfdWith } from "../../fs-adapter/system/memfd.js";
import { ConfigurationError } from "../configuration/configuration.js";
import type { ImageOptions, Methods, MountOptions } from "../rpc/protocol.js";
import { RpcErrorCode } from "../rpc/protocol.js";
import { RequestFailure } from "./failure.js";
import {
  checkFolder,
  checkMethod,
  checkMountOptions,
  denied,
  MAX_MOUNTS,
  MAX_SESSIONS,
} from "./guests.js";
import type { Request, RpcConnection } from "./rpc-connection.js";
import type { Supervisor } from "./supervisor.js";
import { Fields } from "./validate.js";

const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFBLK = 0o060000;

/** The one beyond means nobody. */
const MAX_ID = 2 ** 32 - 2;

type Handler = (fields: Fields, request: Request) => unknown;

/** What a request can do to the daemon itself. */
export interface DaemonActions {
  /** Nobody connects any more. */
  leave(): void;
  shutdown(): void;
  /** Throws ConfigurationError. */
  reload(): void;
}

export class MethodTable {
  /** Sessions end with the connection that opened them. */
  private readonly sessions = new Map<RpcConnection, Set<string>>();
  /** What ends the subscription of a connection. */
  private readonly subscriptions = new Map<RpcConnection, () => void>();
  private readonly departures = new WeakMap<RpcConnection, AbortController>();
  /** Requests to mount that are under way, by user. */
  private readonly mounting = new Map<number, number>();
  private readonly handlers: Record<keyof Methods, Handler>;

  constructor(
    private readonly supervisor: Supervisor,
    { leave, shutdown, reload }: DaemonActions,
  ) {
    this.handlers = {
      open: (fields, request) => this.open(fields, request),
      supply: (fields, request) => this.supply(fields, request),
      mount: (fields, request) => this.mount(fields, request),
      verify: (fields, request) =>
        supervisor.sessions.find(this.owned(fields.text("session"), request.connection)).verify(),
      umount: (fields, { connection: { peer } }) =>
        supervisor.umount(
          fields.text("target", 8192),
          fields.optionalFlag("lazy") ?? false,
          peer.guest ? peer.uid : undefined,
        ),
      list: () => supervisor.list(),
      wait: (fields, { connection }) =>
        supervisor.wait(fields.text("id"), this.departure(connection)),
      daemon: () => supervisor.info(),
      subscribe: (_, { connection }) => this.subscribe(connection),
      metrics: async () => ({ text: await supervisor.metrics() }),
      shutdown: async (fields) => {
        const { mounts } = supervisor.info();
        if (mounts > 0 && !fields.optionalFlag("keepMounts")) {
          throw new RequestFailure(
            RpcErrorCode.target,
            `${mounts} images are still mounted: unmount them first`,
            { code: "EBUSY" },
          );
        }
        await supervisor.settle();
        // Before the answer: whoever has it connects to the next daemon, not to this one.
        leave();
        // After the answer has gone out.
        setImmediate(shutdown);
        return {};
      },
      reload: () => {
        try {
          reload();
        } catch (error) {
          if (!(error instanceof ConfigurationError)) throw error;
          throw new RequestFailure(RpcErrorCode.configuration, error.message);
        }
        return {};
      },
    };
  }

  async call(request: Request): Promise<unknown> {
    if (!Object.hasOwn(this.handlers, request.method)) {
      throw new RequestFailure(RpcErrorCode.methodNotFound, `no method ${request.method}`);
    }
    if (request.connection.peer.guest) checkMethod(request.method);
    const handler = this.handlers[request.method as keyof Methods];
    return handler(new Fields(request.params ?? {}), request);
  }

  closed(connection: RpcConnection): void {
    this.departures.get(connection)?.abort();
    for (const id of this.sessions.get(connection) ?? []) this.supervisor.sessions.abandon(id);
    this.sessions.delete(connection);
    this.subscriptions.get(connection)?.();
    this.subscriptions.delete(connection);
  }

  /** Comes when the connection is gone. */
  private departure(connection: RpcConnection): AbortSignal {
    const controller = this.departures.get(connection) ?? new AbortController();
    this.departures.set(connection, controller);
    return controller.signal;
  }

  private subscribe(connection: RpcConnection): object {
    if (!this.subscriptions.has(connection)) {
      const end = this.supervisor.listen((params) =>
        connection.send({ jsonrpc: "2.0", method: "event", params }),
      );
      this.subscriptions.set(connection, end);
    }
    return {};
  }

  private async open(fields: Fields, request: Request): Promise<unknown> {
    const path = fields.text("image", 8192);
    const { peer } = request.connection;
    const owner = fields.object("owner");
    const config = {
      name: basename(path),
      size: fields.optionalCount("size"),
      options: imageOptions(fields.object("options")),
      owner: peer.guest
        ? { uid: peer.uid, gid: peer.gid }
        : { uid: owner.count("uid", MAX_ID), gid: owner.count("gid", MAX_ID) },
    };
    const timeZone = fields.text("timeZone", 256);
    const sandbox = fields.optionalFlag("sandbox") ?? true;
    if (peer.guest) this.checkGuestOpen(peer.uid, sandbox);
    const image = take(request, "the image");
    try {
      checkImageFile(image);
    } catch (error) {
      closeForeign([image]);
      throw error;
    }
    const session = this.supervisor.sessions.begin({
      path,
      config,
      timeZone,
      sandbox,
      uid: peer.uid,
      image,
    });
    const { id } = session;
    const sessions = this.sessions.get(request.connection) ?? new Set();
    this.sessions.set(request.connection, sessions.add(id));
    try {
      return await session.result();
    } catch (error) {
      this.forget(request.connection, id);
      this.supervisor.sessions.abandon(id);
      throw error;
    }
  }

  private checkGuestOpen(uid: number, sandbox: boolean): void {
    if (!sandbox) throw denied("without a sandbox the image would be read as root");
    if (!this.supervisor.confines) {
      throw denied("the system's daemon has no sandbox here, so it reads images of root only");
    }
    let sessions = 0;
    for (const [{ peer }, ids] of this.sessions) if (peer.uid === uid) sessions += ids.size;
    if (sessions >= MAX_SESSIONS) throw denied(`${MAX_SESSIONS} images are being opened already`);
  }

  private async supply(fields: Fields, request: Request): Promise<unknown> {
    const session = this.owned(fields.text("session"), request.connection);
    const passphrase = fields.optionalText("passphrase", 64 * 1024);
    const names = fields.optionalTexts("names");
    // Whatever the answer is, it travels and is kept as a descriptor.
    const [given] = request.descriptors;
    if (given !== undefined) checkImageFile(given);
    const fd =
      passphrase !== undefined
        ? memfdWith("isomount-passphrase", Buffer.from(passphrase, "base64"))
        : names !== undefined
          ? memfdWith("isomount-names", Buffer.from(JSON.stringify(names)))
          : request.descriptors.shift();
    const answer = { error: fields.optionalText("error"), fd };
    try {
      return await this.supervisor.sessions.find(session).supply(answer);
    } catch (error) {
      this.forget(request.connection, session);
      this.supervisor.sessions.abandon(session);
      throw error;
    }
  }

  private async mount(fields: Fields, request: Request): Promise<unknown> {
    const session = this.owned(fields.text("session"), request.connection);
    const options = mountOptions(fields.object("options"));
    const name = fields.optionalText("made", 255);
    if (name !== undefined && (name === "." || name === ".." || name.includes("/"))) {
      throw new RequestFailure(RpcErrorCode.invalidParams, "params.made is no folder name");
    }
    const { uid, guest } = request.connection.peer;
    // In the folder of a guest, root's daemon makes nothing.
    const isToBeMade = name !== undefined && request.descriptors.length === 1 && !guest;
    if (!isToBeMade && request.descriptors.length !== (name === undefined ? 1 : 2)) {
      throw new RequestFailure(
        RpcErrorCode.invalidParams,
        "the mountpoint's descriptor is missing",
      );
    }
    if (guest) {
      checkMountOptions(options, request.connection.peer);
      for (const fd of request.descriptors) checkFolder(fd, uid);
      if (this.supervisor.mountsOf(uid) + (this.mounting.get(uid) ?? 0) >= MAX_MOUNTS) {
        throw denied(`${MAX_MOUNTS} images are mounted already`);
      }
    }
    // The mountpoint itself is closed with the request: the kernel holds it from then on.
    const mountpoint = isToBeMade ? undefined : request.descriptors[0];
    const made = name === undefined ? undefined : { name, parent: request.descriptors.pop()! };
    this.forget(request.connection, session);
    this.mounting.set(uid, (this.mounting.get(uid) ?? 0) + 1);
    try {
      return await this.supervisor.mount({ session, options, uid, mountpoint, made });
    } finally {
      const others = this.mounting.get(uid)! - 1;
      if (others > 0) this.mounting.set(uid, others);
      else this.mounting.delete(uid);
    }
  }

  private owned(session: string, connection: RpcConnection): string {
    if (this.sessions.get(connection)?.has(session)) return session;
    throw new RequestFailure(RpcErrorCode.invalidParams, `there is no session ${session}`);
  }

  private forget(connection: RpcConnection, session: string): void {
    this.sessions.get(connection)?.delete(session);
  }
}

function take(request: Request, what: string): number {
  const fd = request.descriptors.shift();
  if (fd === undefined) {
    throw new RequestFailure(RpcErrorCode.invalidParams, `the descriptor of ${what} is missing`);
  }
  return fd;
}

/** What a server gets is open for reading only, and holds bytes. */
function checkImageFile(fd: number): void {
  const { mode, nlink } = cachedStat(fd);
  const kind = mode & S_IFMT;
  if (kind !== S_IFREG && kind !== S_IFBLK) {
    throw new RequestFailure(
      RpcErrorCode.invalidParams,
      "the image is no file and no block device",
    );
  }
  // What has no name, a memfd above all, is nobody's to protect.
  if (isWritable(fd) && nlink > 0) {
    throw new RequestFailure(RpcErrorCode.invalidParams, "the image is open for writing");
  }
}

function imageOptions(fields: Fields): ImageOptions {
  return {
    view: fields.optionalText("view", 64),
    charset: fields.optionalText("charset", 64),
    session: fields.optionalCount("session"),
    partition: fields.optionalText("partition", 256),
    offset: fields.optionalCount("offset"),
    sizelimit: fields.optionalCount("sizelimit"),
  };
}

function mountOptions(fields: Fields): MountOptions {
  return {
    uid: fields.optionalCount("uid", MAX_ID),
    gid: fields.optionalCount("gid", MAX_ID),
    mode: fields.optionalCount("mode", 0o7777),
    dmode: fields.optionalCount("dmode", 0o7777),
    private: fields.optionalFlag("private"),
    noexec: fields.optionalFlag("noexec"),
    transport: fields.optionalChoice("transport", ["dev-fuse", "fuse-native"]),
    idleTimeout: fields.optionalCount("idleTimeout"),
    sleepTimeout: fields.optionalCount("sleepTimeout"),
    fsname: fields.optionalText("fsname", 4096),
  };
}
