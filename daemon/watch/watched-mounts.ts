/** The mounts of watched images: made when one arrives, gone when it leaves. */
import { basename } from "node:path";
import { connectIfNeeded } from "../client/connect.js";
import { RpcFailure } from "../client/connection.js";
import { detach } from "../client/detach.js";
import { ExitCode, Failure } from "../client/failure.js";
import { ourMounts } from "../client/mount-table.js";
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
  source: string | undefined;
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
      try {
        await this.mountOrFind(image, false);
      } catch (error) {
        const wasLost = error instanceof Failure && error.details.exitCode === ExitCode.system;
        if (!wasLost) throw error;
        // The daemon ended in the middle of it: the next one knows how far it had come.
        await this.mountOrFind(image, true);
      }
      return "mounted";
    } catch (error) {
      return this.refused(image, error);
    }
  }

  private async mountOrFind(image: string, wasTried: boolean): Promise<void> {
    const already = await findMounted(image);
    if (already !== undefined) {
      this.remember(image, already.mountpoint, wasTried);
      this.voice.info(`${image} is mounted already, on ${already.mountpoint}`);
      return;
    }
    const { mountpoint, warnings } = await this.mount(image);
    this.remember(image, mountpoint, true);
    this.voice.info(`mounted ${image} on ${mountpoint}`);
    for (const warning of warnings) this.voice.warn(`${basename(image)}: ${warning}`);
  }

  private remember(image: string, mountpoint: string, isOurs: boolean): void {
    this.mounts.set(image, { mountpoint, source: sourceOf(mountpoint), isOurs });
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

  /** By the kernel alone: when a session ends, the daemon may have ended already. */
  private async unmount(image: string, { mountpoint, source }: Watched): Promise<void> {
    const isThere = ourMounts().some(
      (entry) => entry.mountpoint === mountpoint && entry.source === source,
    );
    // Otherwise ejected by hand meanwhile.
    if (!isThere) return;
    try {
      await detach(mountpoint);
      this.voice.info(`unmounted ${image} from ${mountpoint}`);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.voice.warn(`cannot unmount ${mountpoint}: ${error.message}`);
    }
  }
}

/** A connection for each time: between two of them the daemon may be replaced. */
async function findMounted(image: string): Promise<MountInfo | undefined> {
  const connection = await connectIfNeeded();
  try {
    const mounts = connection?.call("list", {}) ?? [];
    // One that is detached lives on for those who read from it, and for nobody else.
    return mounts.find(
      (mount) => mount.image === image && sourceOf(mount.mountpoint) !== undefined,
    );
  } finally {
    connection?.close();
  }
}

/** As the kernel has it, of the uppermost mount there: the image, unless it was given another name. */
function sourceOf(mountpoint: string): string | undefined {
  return ourMounts().findLast((entry) => entry.mountpoint === mountpoint)?.source;
}
