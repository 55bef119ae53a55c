/** What there is to know of a mount: fixed when it is made, but for where it lies and its history. */
import type { PoisonedRequest } from "../../fs-adapter/dev-fuse/dispatcher.js";
import type { ImageDescription } from "../../image-core/description.js";
import type { VolumeStatistics } from "../../image-core/filesystem/volume.js";
import type { ServeOrder } from "../server/messages.js";
import type { Image } from "./image.js";
import type { Server } from "./server.js";
import type { NewRecord } from "./state-record.js";

export interface MountFacts {
  id: string;
  image: Image;
  mountpoint: string;
  uid: number;
  description: ImageDescription;
  transport: "dev-fuse" | "fuse-native";
  overrides: ServeOrder["overrides"];
  maxReadBytes: number;
  /** Both owned by the mount; -1 for fuse-native, which keeps its own. */
  fuse: number;
  slots: number;
  /** The superblock's device, `0:52`; empty for fuse-native. */
  device: string;
  /** As the kernel shows it; unknown of mounts that an older version made. */
  source?: string;
  /** `dev:ino`. */
  imageIdentity: string;
  made?: { parent: string; name: string };
  /** Seconds; not unmounted by itself where it is not given. */
  idleTimeout?: number;
  /** Unknown of mounts that an older version made: their servers do not sleep. */
  statistics?: VolumeStatistics;
  /** Seconds without requests; 0 for never. */
  sleepTimeout: number;
}

/** What a mount went through under earlier supervisors. */
export interface MountHistory {
  since: number;
  restarts: number;
  poisoned: PoisonedRequest[];
}

export function newHistory(): MountHistory {
  return { since: Date.now() / 1000, restarts: 0, poisoned: [] };
}

/** What a mount is known by to the supervisor after this one; `server`: the one that serves now. */
export function mountRecord(
  facts: MountFacts,
  history: MountHistory,
  server: Server | undefined,
  asleep: boolean,
): NewRecord {
  const { image, fuse: _, slots: __, transport: ___, ...rest } = facts;
  const { socketPath = "", pid = 0, startTime = "" } = server ?? {};
  return {
    ...rest,
    image: image.path,
    config: image.config,
    timeZone: image.timeZone,
    needs: image.metNeeds().map(({ need, supply }) => ({
      need,
      error: supply.error,
      hasDescriptor: supply.fd !== undefined,
    })),
    sandbox: image.sandbox,
    socketPath,
    pid,
    startTime,
    ...history,
    asleep,
  };
}
