/** One server process and the link to it. Dies with its mount; a later supervisor may adopt it. */
import { type ChildProcess, spawn } from "node:child_process";
import { constants as files, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { constants } from "node:os";
import type { Readable } from "node:stream";
import { closeForeign } from "../../fs-adapter/system/close-foreign.js";
import { filledPipe } from "../../fs-adapter/system/filled-pipe.js";
import { check, close, pipe2, SystemError } from "../../fs-adapter/system/libc.js";
import type { Poller } from "../../fs-adapter/system/poller.js";
import { connectUnix, listenUnix } from "../../fs-adapter/system/unix-socket.js";
import type { FromServer, ToServer } from "../server/messages.js";
import { PacketLink } from "../server/packet-link.js";
import { bringDown, processStartTime } from "./known-process.js";
import type { SandboxPlan } from "./sandbox.js";
import type { Server, ServerEvents } from "./server.js";
import { ServerWords } from "./server-words.js";

export interface ProcessEvents extends ServerEvents {
  /** A line that the server wrote to its standard error. */
  complaint(line: string): void;
}

export interface ServerStart {
  plan: SandboxPlan;
  /** Where the server listens for supervisors: in the runtime folder, unlinked when it is gone. */
  socketPath: string;
  timeZone: string;
}

const O_CLOEXEC = 0o2000000;

/** How bubblewrap tells of a server that SIGSYS has ended. */
const SIGSYS_EXIT = 128 + constants.signals.SIGSYS;

const MAX_LINE = 1024;
/** Lines on its standard error: a dozen are the stack of a defect. */
const MAX_COMPLAINTS = 100;

interface InfoPipe {
  reader: Readable;
  writer: number;
}

/**
 * The writer can be read from as well. So its holder gets no SIGPIPE when this process dies:
 * bubblewrap would end half-way, and leave a child that waits for it for ever.
 */
function openInfoPipe(): InfoPipe {
  const pipe = new Int32Array(2);
  check(pipe2(pipe, O_CLOEXEC), "pipe2");
  const [reader, writer] = pipe;
  try {
    const both = openSync(`/proc/self/fd/${reader}`, files.O_RDWR);
    return { reader: new Socket({ fd: reader, readable: true, writable: false }), writer: both };
  } catch (error) {
    close(reader);
    throw error;
  } finally {
    close(writer);
  }
}

/** Nobody has asked anything of it yet. */
const unemployed: ProcessEvents = {
  message: () => {},
  gone: () => {},
  complaint: () => {},
};

export class ServerProcess implements Server {
  /** 0 until bubblewrap has told. */
  pid = 0;
  startTime = "";
  readonly sandboxed: boolean;
  readonly socketPath: string;
  readonly timeZone: string;
  private readonly link: PacketLink<FromServer, ToServer>;
  private readonly child: ChildProcess;
  private events = unemployed;
  private isAlive = true;
  private killed = false;
  private complaints = 0;
  /** What it said before bubblewrap told who it is. */
  private readonly early: FromServer[] = [];

  constructor(
    poller: Poller,
    private readonly start: ServerStart,
  ) {
    const { plan } = start;
    this.socketPath = start.socketPath;
    this.timeZone = start.timeZone;
    this.sandboxed = plan.sandboxed;
    const info = openInfoPipe();
    let listener: number | undefined;
    let filter: number | undefined;
    let child: ChildProcess | undefined;
    let link: ServerProcess["link"] | undefined;
    try {
      listener = listenUnix(start.socketPath, "packet");
      // Before there is a process: one that nobody had connected to would wait for ever, whenever
      // this process is killed.
      this.link = link = new PacketLink(
        poller,
        connectUnix(start.socketPath, "packet"),
        (message, descriptors) => {
          // A server has none to give: what it sends is not kept open here.
          closeForeign(descriptors);
          this.hear(message);
        },
        // It goes, does not read what it is told, or has been taken over by its image.
        (problem) => {
          if (problem !== undefined) {
            this.complain(`ended, since it is no server of ours: ${problem}`);
          }
          this.kill();
        },
        new ServerWords().read,
        closeForeign,
      );
      filter = plan.filter && filledPipe(plan.filter);
      this.child = child = spawn(plan.program, plan.parameters, {
        stdio: ["ignore", "ignore", "pipe", listener, info.writer, filter ?? "ignore"],
        // One malloc arena: each of a dozen threads would else have its own, a MiB in all.
        env: {
          TZ: start.timeZone,
          MALLOC_ARENA_MAX: "1",
          ...(plan.sandboxed ? { PATH: process.env.PATH } : {}),
        },
        uid: plan.uid,
        gid: plan.gid,
        cwd: "/",
        // A session of its own: Ctrl-C at the terminal of --foreground must not reach servers.
        detached: true,
      });
      this.child.on("error", (error) => {
        this.complain(`${plan.program}: ${error.message}`);
        this.end();
      });
      // Where no descriptor is left for its pipes, Node makes none at all.
      if (this.child.stderr === undefined) throw new SystemError("spawn", constants.errno.EMFILE);
    } catch (error) {
      this.isAlive = false;
      link?.close();
      info.reader.destroy();
      child?.kill("SIGKILL");
      rmSync(start.socketPath, { force: true });
      throw error;
    } finally {
      close(info.writer);
      if (listener !== undefined) close(listener);
      if (filter !== undefined) close(filter);
    }
    this.child.on("exit", (code, signal) => {
      // Of one that was killed there is nothing to say.
      if (signal === "SIGSYS" || (plan.sandboxed && code === SIGSYS_EXIT)) {
        // Even where its link has told of the end first: nobody else ends a server in this way.
        this.complain("server: ended by the system-call filter (SIGSYS)");
      } else if (this.isAlive && !this.killed && (code || signal))
        this.complain(`server: ${signal ?? `exit ${code}`}`);
      // Whoever kills bubblewrap leaves the server that lives in it, which would serve on.
      if (signal !== null && plan.sandboxed && this.pid > 0) this.kill();
      else this.end();
    });
    this.readLines(this.child.stderr as Readable, (line) => this.complain(line));
    this.readInfo(info.reader);
    if (!plan.sandboxed && this.child.pid !== undefined) this.identify(this.child.pid);
    this.child.unref();
  }

  /** The daemon's own child: the server, or the bubblewrap that it lives in. */
  get launcher(): number {
    return this.child.pid ?? 0;
  }

  get alive(): boolean {
    return this.isAlive;
  }

  /** From now on everything that happens to it goes there. */
  employ(events: ProcessEvents): void {
    this.events = events;
  }

  handOver(to: ServerEvents): void {
    this.events = { ...this.events, message: to.message, gone: to.gone };
    // It ended between its last words and now.
    if (!this.isAlive) queueMicrotask(() => to.gone());
  }

  send(message: ToServer, descriptors: readonly number[] = []): void {
    this.link.send(message, descriptors);
  }

  /** At once and for good. `gone` follows. */
  kill(): void {
    if (!this.isAlive || this.killed) return;
    this.killed = true;
    // Nobody shall find it from here on, however long the process takes to go.
    rmSync(this.socketPath, { force: true });
    // Killed half-way, bubblewrap would leave a child that waits for it for ever.
    if (this.pid > 0) this.finish();
    else if (!this.sandboxed) this.child.kill("SIGKILL");
  }

  /** One that an image has taken over would fill the disk with its log. */
  private complain(line: string): void {
    this.complaints++;
    if (this.complaints <= MAX_COMPLAINTS) this.events.complaint(line);
    else if (this.complaints === MAX_COMPLAINTS + 1) {
      this.events.complaint("server: it has more to say, which is left out");
    }
  }

  private finish(): void {
    void bringDown(this).then(() => this.end());
  }

  /** It can be killed from here on, and its words count. */
  private identify(pid: number): void {
    try {
      this.startTime = processStartTime(pid);
    } catch (error) {
      // For want of descriptors. It has just been started: the pid is nobody else's.
      this.complain(`server: ${(error as Error).message}`);
      process.kill(pid, "SIGKILL");
      return;
    }
    this.pid = pid;
    if (this.killed) return this.finish();
    for (const message of this.early.splice(0)) this.events.message(message);
  }

  /** What has no process yet could not be killed, nor found by the supervisor after this one. */
  private hear(message: FromServer): void {
    if (!this.isAlive) return;
    if (this.pid > 0) this.events.message(message);
    else this.early.push(message);
  }

  private end(): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.link.close();
    rmSync(this.socketPath, { force: true });
    this.events.gone();
  }

  /** bubblewrap's `--info-fd`: `{ "child-pid": 1234 }`. */
  private readInfo(stream: Readable): void {
    if (!this.start.plan.sandboxed) {
      stream.destroy();
      return;
    }
    let text = "";
    stream.setEncoding("utf8").on("data", (part: string) => {
      text += part;
      const pid = /"child-pid"\s*:\s*(\d+)/.exec(text);
      if (pid === null) return;
      // Read on to its end: bubblewrap has more to say, and SIGPIPE would kill it half-way.
      text = "";
      if (this.pid === 0) this.identify(Number(pid[1]));
    });
    stream.on("error", () => stream.destroy());
    (stream as Readable & { unref?: () => void }).unref?.();
  }

  private readLines(stream: Readable, online: (line: string) => void): void {
    let rest = "";
    stream.setEncoding("utf8").on("data", (part: string) => {
      const lines = (rest + part).split("\n");
      rest = (lines.pop() ?? "").slice(0, MAX_LINE);
      for (const line of lines) if (line !== "") online(line.slice(0, MAX_LINE));
    });
    stream.on("error", () => stream.destroy());
    (stream as Readable & { unref?: () => void }).unref?.();
  }
}
