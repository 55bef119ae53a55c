/**
 * The keeper, as the supervisor deals with it: a process that holds the descriptors of mounts for
 * the supervisor after this one, where systemd does not, and starts that one if need be. Started
 * with the first mount, replaced when it dies, and gone some time after the last mount.
 */
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { closeForeign } from "../../fs-adapter/system/close-foreign.js";
import { close, SystemError } from "../../fs-adapter/system/libc.js";
import type { Poller } from "../../fs-adapter/system/poller.js";
import { connectUnix, listenUnix } from "../../fs-adapter/system/unix-socket.js";
import { DESCRIPTORS_A_PACKET, type FromKeeper, type ToKeeper } from "../keeper/messages.js";
import type { DaemonInfo } from "../rpc/protocol.js";
import { PacketLink } from "../server/packet-link.js";
import type { DescriptorKeeper } from "./descriptor-store.js";
import { bringDown, type KnownProcess, knownProcess } from "./known-process.js";
import type { Log } from "./log.js";
import { RestartPause } from "./restart-pause.js";

const keeperFile = fileURLToPath(new URL("./keeper.js", import.meta.url));
const NODE_FLAGS = ["--max-semi-space-size=1", "--no-warnings"];
/** It answers within milliseconds, unless it is starved. What sleeps is lost without its answer. */
const GIVE_MILLISECONDS = 20_000;

/** Our own, for the supervisor that it may have to start; but that one is no service of systemd's. */
function environment(): NodeJS.ProcessEnv {
  const { NOTIFY_SOCKET: _, LISTEN_FDS: __, LISTEN_PID: ___, ...rest } = process.env;
  return rest;
}

export class KeeperProcess implements DescriptorKeeper {
  /** Owned by the mounts. */
  private readonly kept = new Map<string, number>();
  private readonly socketPath: string;
  private link: PacketLink<FromKeeper, ToKeeper> | undefined;
  /** Names that it has to be told of: to keep, or to forget. */
  private readonly untold = new Set<string>();
  /** Running while it reads nothing. */
  private deafness: NodeJS.Timeout | undefined;
  /** Running before another is started. */
  private pause: NodeJS.Timeout | undefined;
  private readonly restarts = new RestartPause();
  private startedAt = Number.NEGATIVE_INFINITY;
  private keeper: KnownProcess = knownProcess(0);
  private onGiven: ((names: string[], descriptors: number[], last: boolean) => void) | undefined;

  constructor(
    private readonly poller: Poller,
    folder: string,
    private readonly log: Log,
  ) {
    this.socketPath = join(folder, "keeper.sock");
  }

  /** What an earlier supervisor had kept, by name. Empty where there is no keeper. */
  async recover(): Promise<Map<string, number[]>> {
    try {
      this.connect();
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      rmSync(this.socketPath, { force: true });
      return new Map();
    }
    return this.ask();
  }

  get info(): DaemonInfo["keeper"] {
    return this.link === undefined ? undefined : { pid: this.keeper.pid };
  }

  keep(name: string, fd: number): void {
    this.kept.set(name, fd);
    this.tellSoon(name);
  }

  forget(name: string): void {
    this.kept.delete(name);
    this.tellSoon(name);
  }

  /** All of one round at once: an image may have ten thousand neighbours. */
  private tellSoon(name: string): void {
    if (this.untold.size === 0) queueMicrotask(() => this.tell());
    // What is told goes by the order in which it was said last.
    this.untold.delete(name);
    this.untold.add(name);
  }

  /** By what is kept at that moment: a descriptor that waited here could be closed by then. */
  private tell(): void {
    clearTimeout(this.deafness);
    if (this.link === undefined) {
      this.untold.clear();
      // With all there is to keep.
      if (this.kept.size > 0 && this.pause === undefined) this.tryToStart();
      return;
    }
    while (this.untold.size > 0) {
      const told = this.nextUntold();
      const descriptors = told.flatMap((name) => this.kept.get(name) ?? []);
      const packet: ToKeeper =
        descriptors.length > 0 ? { type: "keep", names: told } : { type: "forget", name: told[0] };
      if (!this.link.offer(packet, descriptors, () => this.tell())) {
        this.deafness = setTimeout(() => this.giveUp(), GIVE_MILLISECONDS);
        return;
      }
      for (const name of told) this.untold.delete(name);
      // It may have ended over it.
      if (this.link === undefined) return;
    }
  }

  /** Those to keep that fit one packet, or one to forget. */
  private nextUntold(): string[] {
    const names: string[] = [];
    for (const name of this.untold) {
      if (!this.kept.has(name)) return names.length > 0 ? names : [name];
      names.push(name);
      if (names.length === DESCRIPTORS_A_PACKET) break;
    }
    return names;
  }

  /** It does not read. */
  private giveUp(): void {
    this.link?.close();
    this.lost();
  }

  /** With nothing to keep it goes when the connection does. */
  end(): void {
    clearTimeout(this.deafness);
    if (this.kept.size > 0) return;
    this.link?.close();
    // It has not heard of it all, and would start another supervisor for the rest.
    if (this.untold.size > 0) void bringDown(this.keeper);
    rmSync(this.socketPath, { force: true });
  }

  private ask(): Promise<Map<string, number[]>> {
    return new Promise((resolve) => {
      const given = new Map<string, number[]>();
      const done = () => {
        clearTimeout(timer);
        this.onGiven = undefined;
        resolve(given);
      };
      const timer = setTimeout(() => {
        this.log.error("the keeper of the mounts' descriptors does not answer");
        done();
      }, GIVE_MILLISECONDS);
      this.onGiven = (names, descriptors, last) => {
        for (const name of names) given.set(name, descriptors.splice(0, 1));
        if (last) done();
      };
      this.link?.send({ type: "give" });
    });
  }

  private start(): void {
    this.startedAt = performance.now();
    rmSync(this.socketPath, { force: true });
    const listener = listenUnix(this.socketPath, "packet");
    try {
      // Before there is a process: one that nobody had connected to would wait for ever.
      this.connect();
      const child = spawn(process.execPath, [...NODE_FLAGS, keeperFile], {
        stdio: ["ignore", "ignore", "inherit", listener],
        env: environment(),
        cwd: "/",
        // A session of its own: Ctrl-C at the terminal of --foreground must not reach it.
        detached: true,
      });
      child.on("error", (error) => this.log.error(`the keeper does not start: ${error.message}`));
      child.unref();
      this.keeper = knownProcess(child.pid ?? 0);
    } finally {
      close(listener);
    }
    this.untold.clear();
    for (const name of this.kept.keys()) this.untold.add(name);
    this.tell();
  }

  private connect(): void {
    this.link = new PacketLink(
      this.poller,
      connectUnix(this.socketPath, "packet"),
      (message, descriptors) => {
        this.keeper = knownProcess(message.pid);
        this.onGiven?.(message.names, descriptors, message.last);
        closeForeign(descriptors);
      },
      () => this.lost(),
    );
  }

  /** It ends by itself only when it has nothing to keep. */
  private lost(): void {
    this.link = undefined;
    clearTimeout(this.deafness);
    this.untold.clear();
    // One that does not read what it is told still holds what it was given, and would start
    // supervisors.
    void bringDown(this.keeper);
    rmSync(this.socketPath, { force: true });
    if (this.kept.size === 0) return;
    this.log.warn("the keeper of the mounts' descriptors ended; starting another");
    this.startLater();
  }

  private startLater(): void {
    const milliseconds = this.restarts.after(performance.now() - this.startedAt);
    clearTimeout(this.pause);
    this.pause = setTimeout(() => {
      this.pause = undefined;
      if (this.link === undefined && this.kept.size > 0) this.tryToStart();
    }, milliseconds);
  }

  /** A mount is good without it as well. */
  private tryToStart(): void {
    try {
      this.start();
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.log.warn(`the keeper of the mounts' descriptors cannot be started: ${error.message}`);
      this.startLater();
    }
  }
}
