/** The mounts of watched images: made when one arrives, gone when it leaves. */
import { basename } from "node:path";
import { connectIfNeeded } from "../client/connect.js";
import { type Connection, RpcFailure } from "../client/connection.js";
import { Failure } from "../client/failure.js";
import type { MountInfo } from "../rpc/protocol.js";

export interface Voice {
  info(message: string): void;
  warn(message: string): void;
}

export type Outcome =
  | "mounted"
  | "refused"
  /** Files that it names are not there. */
  | "lacks-files";

interface Watched {
  mountpoint: string;
  /** Mounted by us, and not before we came. */
  isOurs: boolean;
}

export class WatchedMounts {
  private readonly mounts = new Map<string, Watched>();

  constructor(
    private readonly mount: (image: string) => Promise<MountInfo>,
    private readonly voice: Voice,
  ) {}

  async arrived(image: string): Promise<Outcome> {
    try {
      const already = await this.find(image);
      if (already !== undefined) {
        this.mounts.set(image, { mountpoint: already.mountpoint, isOurs: false });
        this.voice.info(`${image} is mounted already, on ${already.mountpoint}`);
        return "mounted";
      }
      const { mountpoint, warnings } = await this.mount(image);
      this.mounts.set(image, { mountpoint, isOurs: true });
      this.voice.info(`mounted ${image} on ${mountpoint}`);
      for (const warning of warnings) this.voice.warn(`${basename(image)}: ${warning}`);
      return "mounted";
    } catch (error) {
      return this.refused(image, error);
    }
  }

  private refused(image: string, error: unknown): Outcome {
    if (!(error instanceof Failure) && !(error instanceof RpcFailure)) throw error;
    const kind = error instanceof RpcFailure ? error.data.kind : error.details.kind;
    // Files are called .bin or .img for many reasons: nobody has asked for this one.
    if (kind === "unknown-format") this.voice.info(`${image} is no image`);
    else this.voice.warn(`cannot mount ${image}: ${error.message}`);
    return kind === "missing-neighbour" ? "lacks-files" : "refused";
  }

  /** Whoever mounted it: without its image it makes no sense any more. */
  async left(image: string): Promise<void> {
    const watched = this.mounts.get(image);
    if (watched === undefined) return;
    this.mounts.delete(image);
    await this.unmount(image, watched);
  }

  /** Unmounts what was mounted here, the latest first. */
  async end(): Promise<void> {
    for (const [image, watched] of [...this.mounts].reverse()) {
      if (watched.isOurs) await this.unmount(image, watched);
    }
    this.mounts.clear();
  }

  private async unmount(image: string, { mountpoint }: Watched): Promise<void> {
    try {
      const found = await this.find(image, mountpoint);
      // Ejected by hand meanwhile.
      if (found === undefined) return;
      await withDaemon((connection) => detach(connection, found.id));
      this.voice.info(`unmounted ${image} from ${mountpoint}`);
    } catch (error) {
      if (!(error instanceof Failure) && !(error instanceof RpcFailure)) throw error;
      this.voice.warn(`cannot unmount ${mountpoint}: ${error.message}`);
    }
  }

  private async find(image: string, mountpoint?: string): Promise<MountInfo | undefined> {
    const mounts = (await withDaemon((connection) => connection.call("list", {}))) ?? [];
    return mounts.find(
      (mount) =>
        mount.image === image && (mountpoint === undefined || mount.mountpoint === mountpoint),
    );
  }
}

/** What is in use goes with its last use. */
function detach(connection: Connection, id: string): void {
  try {
    connection.call("umount", { target: id });
  } catch (error) {
    if (!(error instanceof RpcFailure) || error.data.code !== "EBUSY") throw error;
    connection.call("umount", { target: id, lazy: true });
  }
}

/** A connection for each request: between two of them the daemon may be replaced. */
async function withDaemon<T>(use: (connection: Connection) => T): Promise<T | undefined> {
  const connection = await connectIfNeeded();
  if (connection === undefined) return undefined;
  try {
    return use(connection);
  } finally {
    connection.close();
  }
}
