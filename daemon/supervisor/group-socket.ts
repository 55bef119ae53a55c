/**
 * The second socket of root's daemon, for the members of a group that the configuration names. One
 * of our own, or one on which systemd listens already (isomountd-group.socket).
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  lstatSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
} from "node:fs";
import type { Poller } from "../../fs-adapter/system/poller.js";
import { listenUnix, setNonBlocking } from "../../fs-adapter/system/unix-socket.js";
import { type Configuration, ConfigurationError } from "../configuration/configuration.js";
import { groupSocket } from "../rpc/group-socket.js";
import { Listener } from "./listener.js";
import type { Log } from "./log.js";

const MODE = 0o660;
const BACKLOG = 1024;
/** A directory service may be asked, and may be down. */
const GETENT_MILLISECONDS = 5_000;

export class GroupSocket {
  private readonly path = groupSocket();
  private listener: Listener | undefined;
  private group: number | undefined;
  private accepting = false;

  constructor(
    private readonly poller: Poller,
    private readonly log: Log,
    private readonly connected: (fd: number, group: number) => void,
    /** systemd's socket. */
    private readonly activated: number | undefined,
  ) {}

  /** From now on; who has connected before waits until then. */
  accept(): void {
    this.accepting = true;
    this.listener?.accept();
  }

  /** Where it stands; undefined where there is none. */
  get place(): string | undefined {
    return this.group === undefined ? undefined : this.path;
  }

  /** Throws ConfigurationError where there is no such group, or no socket can be made; all is as before then. */
  configure({ group }: Pick<Configuration, "group">): void {
    const id = group === undefined ? this.activatedGroup() : groupId(group);
    if (this.activated !== undefined) {
      this.group = id;
      this.listener ??= this.listen(this.activated);
      return;
    }
    if (id === this.group) return;
    if (id === undefined) this.remove();
    else {
      const socket = makeSocket(this.path, id);
      this.listener?.close();
      this.listener = this.listen(socket);
    }
    this.group = id;
  }

  /** systemd's own socket stays, so that the next request starts the next daemon. */
  remove(): void {
    if (this.listener === undefined || this.activated !== undefined) return;
    this.listener.close();
    this.listener = undefined;
    unlinkSync(this.path);
  }

  private listen(socket: number): Listener {
    setNonBlocking(socket);
    const warn = (message: string) => this.log.warn(message);
    const listener = new Listener(
      this.poller,
      socket,
      (fd) => this.connected(fd, this.group!),
      warn,
    );
    if (this.accepting) listener.accept();
    return listener;
  }

  /** Of systemd's socket, the one that its unit gave it. */
  private activatedGroup(): number | undefined {
    if (this.activated === undefined) return undefined;
    const stat = lstatSync(this.path, { throwIfNoEntry: false });
    if (stat?.isSocket()) return stat.gid;
    throw new ConfigurationError(`whose is systemd's socket? ${this.path} is none: name the group`);
  }
}

function makeSocket(path: string, group: number): number {
  // Whole or not at all. Who listens at `path` is dead, or is this daemon, for another group.
  const fresh = `${path}.new`;
  try {
    rmSync(fresh, { force: true });
    const socket = listenUnix(fresh, "stream", BACKLOG);
    chownSync(fresh, process.getuid!(), group);
    chmodSync(fresh, MODE);
    renameSync(fresh, path);
    return socket;
  } catch (error) {
    throw new ConfigurationError(`cannot listen on ${path}: ${(error as Error).message}`);
  }
}

/** Throws ConfigurationError for a name that nobody knows. */
function groupId(group: string | number): number {
  if (typeof group === "number") return group;
  // The file first: early in the boot a directory service does not answer yet.
  const id =
    findGroup(readFileSync("/etc/group", "utf8"), group) ?? findGroup(getent(group), group);
  if (id === undefined) throw new ConfigurationError(`there is no group ${group}`);
  return id;
}

/** group(5): name, password, number, members. */
function findGroup(text: string, name: string): number | undefined {
  const line = text.split("\n").find((each) => each.startsWith(`${name}:`));
  return line === undefined ? undefined : Number(line.split(":")[2]);
}

/** Groups that are not in the file; empty where there is no such group. */
function getent(group: string): string {
  try {
    return execFileSync("getent", ["group", "--", group], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      timeout: GETENT_MILLISECONDS,
    });
  } catch {
    return "";
  }
}
