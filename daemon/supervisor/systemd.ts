/**
 * What systemd offers a service: sockets it listens on already, a place where descriptors survive
 * the service, a watchdog, a status line (sd_listen_fds(3), sd_notify(3)). Without systemd each of
 * these does nothing.
 */
import { close, SystemError } from "../../fs-adapter/system/libc.js";
import { connectUnix, sendMessage } from "../../fs-adapter/system/unix-socket.js";

const FIRST_DESCRIPTOR = 3;

/**
 * FileDescriptorStoreMax of our units, which systemd does not tell before 254. Of more, the names
 * would not fit the one variable in which the next daemon is told them: it could not be started.
 */
const MAX_STORED = 4096;

/** Descriptors that were handed to this process at its start, by name; several may share one. */
export function passedDescriptors(environment: NodeJS.ProcessEnv): Map<string, number[]> {
  const passed = new Map<string, number[]>();
  if (Number(environment.LISTEN_PID) !== process.pid) return passed;
  const names = (environment.LISTEN_FDNAMES ?? "").split(":");
  for (let i = 0; i < Number(environment.LISTEN_FDS ?? 0); i++) {
    const name = names[i] ?? "unknown";
    passed.set(name, [...(passed.get(name) ?? []), FIRST_DESCRIPTOR + i]);
  }
  return passed;
}

export class ServiceManager {
  private readonly path: string | undefined;
  private watchdog: NodeJS.Timeout | undefined;

  constructor(
    private readonly environment: NodeJS.ProcessEnv,
    private readonly onError: (message: string) => void,
  ) {
    this.path = environment.NOTIFY_SOCKET;
  }

  /** Whether descriptors can be kept there (FDSTORE is set since systemd 254). */
  get hasStore(): boolean {
    return this.path !== undefined && this.environment.FDSTORE !== "0";
  }

  get room(): number {
    return Math.min(Number(this.environment.FDSTORE ?? MAX_STORED), MAX_STORED);
  }

  ready(): void {
    this.notify("READY=1");
    // Asked for at half the time that systemd waits, as its manual says.
    const microseconds = Number(this.environment.WATCHDOG_USEC ?? 0);
    const ours = this.environment.WATCHDOG_PID ?? String(process.pid);
    if (microseconds > 0 && Number(ours) === process.pid) {
      this.watchdog = setInterval(() => this.notify("WATCHDOG=1"), microseconds / 2000);
    }
  }

  /** Followed by `reloaded`, however it went. */
  reloading(): void {
    this.notify("RELOADING=1");
  }

  reloaded(): void {
    this.notify("READY=1");
  }

  stopping(): void {
    clearInterval(this.watchdog);
    this.notify("STOPPING=1");
  }

  status(text: string): void {
    this.notify(`STATUS=${text.replaceAll("\n", " ")}`);
  }

  /** Kept by systemd until `forget`, through any death of this process. */
  keep(name: string, fd: number): void {
    // Without polling: systemd would drop a connection that shows an error for a moment.
    this.notify(`FDSTORE=1\nFDPOLL=0\nFDNAME=${name}`, [fd]);
  }

  forget(name: string): void {
    this.notify(`FDSTOREREMOVE=1\nFDNAME=${name}`);
  }

  /** Nothing of ours is left but what it keeps. */
  end(): void {}

  private notify(message: string, descriptors: readonly number[] = []): void {
    if (this.path === undefined) return;
    try {
      const fd = connectUnix(this.path, "datagram");
      try {
        sendMessage(fd, Buffer.from(message), descriptors);
      } finally {
        close(fd);
      }
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.onError(`systemd cannot be told ${message.split("\n")[0]}: ${error.message}`);
    }
  }
}
