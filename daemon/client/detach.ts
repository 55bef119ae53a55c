/** Unmounting without the daemon, which sees by itself that a mount is gone. */
import { MountError, unmountFuse } from "../../fs-adapter/mounting/mount.js";
import { failed } from "./failure.js";

/** What is in use goes with its last use. Nothing mounted there is as good. Throws Failure. */
export async function detach(mountpoint: string): Promise<void> {
  for (const lazy of [false, true]) {
    try {
      return await unmountFuse(mountpoint, lazy);
    } catch (error) {
      if (!(error instanceof MountError)) throw error;
      if (error.code === "EINVAL") return;
      if (error.code !== "EBUSY" || lazy) throw failed(error.message, error);
    }
  }
}
