/** The mounts of isomount that the kernel knows, also those whose daemon is gone. */
import { type MountEntry, readMountinfo } from "../../fs-adapter/mounting/mountinfo.js";

const OUR_TYPE = "fuse.isomount";

/** Reads no path: one inside a mount whose server is gone would make the caller wait. */
export function ourMounts(): MountEntry[] {
  return readMountinfo().filter((entry) => entry.type === OUR_TYPE);
}
