/** The built isomount, with a daemon of its own in a scratch folder: real mounts, nothing left behind. */
import { type SpawnSyncOptionsWithStringEncoding, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect } from "vitest";
import type { DaemonInfo, MountInfo } from "../../daemon/rpc/protocol.js";
import { readMountinfo } from "../../fs-adapter/mounting/mountinfo.js";

const project = resolve(fileURLToPath(import.meta.url), "../../..");
/** The build to try: `$ISOMOUNT_DIST`, or the project's own. */
const dist = process.env.ISOMOUNT_DIST ?? join(project, "dist");
export const program = join(dist, "isomount.js");

/** A call that waits for a stuck mount ends by nothing less than SIGKILL. */
const TIMEOUT = { timeout: 60_000, killSignal: "SIGKILL" } as const;

/** `daemon`, who owns nothing anywhere: fusermount3 serves only users that have a name. */
export const ORDINARY_USER = 1;

export interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

export class Isomount {
  readonly folder = mkdtempSync(join(tmpdir(), "isomount-e2e-"));
  readonly runtime = join(this.folder, "run");
  /** More variables for what is run. */
  readonly environment: Record<string, string> = {};
  private mountpoints = 0;
  private knownDaemon: number | undefined;

  /**
   * `user`: whose daemon it is, if not that of whoever runs the tests. `command`: of another build.
   */
  constructor(
    private readonly user?: number,
    private readonly command = program,
  ) {
    mkdirSync(this.runtime, { mode: 0o700 });
    if (user === undefined) return;
    // fusermount3 opens it with the user's rights; in containers it is often root's alone.
    if ((statSync("/dev/fuse").mode & 0o666) !== 0o666) chmodSync("/dev/fuse", 0o666);
    this.give(this.folder);
    this.give(this.runtime);
  }

  /** Makes what the tests have made the user's. */
  give(path: string): void {
    if (this.user !== undefined) chownSync(path, this.user, this.user);
  }

  /** How the command is run: as the user, in a scratch folder, with a daemon of its own. */
  get surroundings(): SpawnSyncOptionsWithStringEncoding {
    const environment = {
      ...process.env,
      ISOMOUNT_RUNTIME_DIR: this.runtime,
      HOME: this.folder,
      ...this.environment,
    };
    return {
      cwd: this.folder,
      env: environment,
      encoding: "utf8",
      ...(this.user === undefined ? {} : { uid: this.user, gid: this.user }),
      ...TIMEOUT,
    };
  }

  /** Runs the command to its end. */
  run(...parameters: string[]): Outcome {
    return this.runProgram(process.execPath, this.command, ...parameters);
  }

  /** Runs any program in the same surroundings. */
  runProgram(name: string, ...parameters: string[]): Outcome {
    const options = { ...this.surroundings, input: "" };
    const { status, stdout, stderr } = spawnSync(name, parameters, options);
    return { status, stdout, stderr };
  }

  /** Runs the command while the test goes on. */
  start(...parameters: string[]): Promise<Outcome> {
    return this.startProgram(process.execPath, this.command, ...parameters);
  }

  /** Runs any program while the test goes on. */
  startProgram(name: string, ...parameters: string[]): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const child = spawn(name, parameters, {
        ...this.surroundings,
        stdio: ["ignore", "pipe", "pipe"],
      });
      let stdout = "";
      let stderr = "";
      child.stdout.setEncoding("utf8").on("data", (text) => {
        stdout += text;
      });
      child.stderr.setEncoding("utf8").on("data", (text) => {
        stderr += text;
      });
      child.on("error", reject);
      child.on("close", (status) => resolve({ status, stdout, stderr }));
    });
  }

  /** Runs it and insists that it succeeds. */
  succeed(...parameters: string[]): string {
    const { status, stdout, stderr } = this.run(...parameters);
    if (status !== 0) throw new Error(`isomount ${parameters.join(" ")}: ${status}: ${stderr}`);
    return stdout;
  }

  newMountpoint(): string {
    const path = join(this.folder, `mnt${++this.mountpoints}`);
    mkdirSync(path);
    this.give(path);
    return path;
  }

  /** Mounts and returns the mountpoint. */
  mount(image: string, options = ""): string {
    const mountpoint = this.newMountpoint();
    this.succeed(image, mountpoint, ...(options === "" ? [] : ["-o", options]));
    return mountpoint;
  }

  list(): MountInfo[] {
    return JSON.parse(this.succeed("list", "--json")) as MountInfo[];
  }

  daemonLog(): string {
    const path = join(this.runtime, "isomountd.log");
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  }

  /** What of ours is left in this folder: mounts, processes, sockets. */
  leftovers(): string[] {
    const mounts = readMountinfo()
      .filter(({ mountpoint }) => mountpoint.startsWith(this.folder))
      .map(({ mountpoint }) => `mount ${mountpoint}`);
    const { spare } = this.daemonInfo();
    const sockets = readdirSync(this.runtime)
      .filter(
        (name) => name.startsWith("server-") && join(this.runtime, name) !== spare?.socketPath,
      )
      .map((name) => `socket ${name}`);
    return [...mounts, ...sockets, ...this.servers().map((pid) => `server ${pid}`)];
  }

  /** Servers of this daemon's mounts: its children, but for what it keeps beside. */
  servers(daemon = this.daemonPid()): number[] {
    if (daemon === undefined) return [];
    const { spare, keeper } = this.daemonInfo();
    const parents = new Map<number, number>();
    for (const name of readdirSync("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "latin1");
        const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        if (state !== "Z") parents.set(Number(name), Number(parent));
      } catch (error) {
        // Ended while we looked.
        if (!["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
      }
    }
    return [...parents]
      .filter(([, parent]) => parent === daemon)
      .map(([pid]) => pid)
      .filter((pid) => pid !== spare?.launcher && pid !== keeper?.pid);
  }

  /** The spare one too. By what lies there: asking takes the processors that a spare one waits for. */
  countServers(): number {
    return readdirSync(this.runtime).filter((name) => /^server-.*\.sock$/.test(name)).length;
  }

  daemonPid(): number | undefined {
    if (this.knownDaemon === undefined || !this.isOurs(this.knownDaemon)) {
      this.knownDaemon = this.daemonInfo().pid;
    }
    return this.knownDaemon;
  }

  /** Empty where no daemon runs. */
  daemonInfo(): Partial<DaemonInfo> {
    const { status, stdout } = this.run("daemon", "status", "--json");
    return status === 0 ? (JSON.parse(stdout) as Partial<DaemonInfo>) : {};
  }

  private isOurs(pid: number): boolean {
    try {
      return readFileSync(`/proc/${pid}/environ`, "utf8").includes(this.runtime);
    } catch (error) {
      // ESRCH: it is dead, and nobody has asked yet how it ended.
      if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
      throw error;
    }
  }

  /** Unmounts everything, ends the daemon, and insists that nothing is left. */
  end(): void {
    if (existsSync(join(this.runtime, "control.sock"))) {
      // Lazily only where it must be: what another namespace still shows would go on being served.
      for (const { id } of this.list().reverse()) {
        if (this.run("umount", id).status !== 0) this.succeed("umount", "--lazy", id);
      }
      this.expectNothingLeft();
      this.succeed("daemon", "stop");
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A server ends a moment after its mount; after a lazy unmount, when the kernel says so. */
  expectNothingLeft(): void {
    const deadline = Date.now() + 10_000;
    while (this.leftovers().length > 0 && Date.now() < deadline) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    }
    expect(this.leftovers()).toEqual([]);
  }
}

/** One for a test file; `user` as in the constructor. */
export function startIsomount(user?: number): Isomount {
  const isomount = new Isomount(user);
  afterAll(() => isomount.end());
  return isomount;
}
