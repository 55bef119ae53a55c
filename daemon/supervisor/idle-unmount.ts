/**
 * Unmounting what nobody uses: `idle-timeout=SECONDS`.
 *
 * Root asks the kernel, which knows of cached use as well: MNT_EXPIRE marks an unused mount, and
 * unmounts it if the mark is still there the next time (umount(2)). Others may not; for them a mount
 * is idle that sent no request, and the unmount fails harmlessly while something is open.
 */
import {
  MountError,
  uncovered,
  unmountDevice,
  unmountExactly,
} from "../../fs-adapter/mounting/mount.js";
import { SystemError } from "../../fs-adapter/system/libc.js";
import type { MountedImage } from "./mounted-image.js";

const MNT_EXPIRE = 4;
/** What a timer of Node's can wait; beyond it would fire at once. */
const MAX_MILLISECONDS = 2 ** 31 - 1;

export class IdleUnmount {
  private readonly timer: NodeJS.Timeout;
  private requests = -1;

  constructor(
    private readonly mounted: MountedImage,
    seconds: number,
    /** The kernel's mount is gone. */
    private readonly expired: () => void,
    private readonly warn: (text: string) => void,
  ) {
    this.timer = setInterval(() => this.tick(), Math.min(seconds * 1000, MAX_MILLISECONDS));
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private tick(): void {
    const attempt = process.geteuid?.() === 0 ? this.expire() : this.unmountIfQuiet();
    attempt.then(
      (gone) => {
        if (gone) this.expired();
      },
      (error: Error) => this.warn(error.message),
    );
  }

  private async expire(): Promise<boolean> {
    try {
      const { device, mountpoint } = this.mounted.facts;
      const where = uncovered(device, mountpoint);
      await unmountExactly(where, MNT_EXPIRE);
      return true;
    } catch (error) {
      if (isOutOfReach(error)) return false;
      // EAGAIN: it was unused and is marked now. EBUSY: it is in use.
      if (error instanceof SystemError && ["EAGAIN", "EBUSY"].includes(error.code)) return false;
      throw error;
    }
  }

  private async unmountIfQuiet(): Promise<boolean> {
    const { requests } = this.mounted.info().statistics;
    const quiet = requests === this.requests;
    this.requests = requests;
    if (!quiet) return false;
    try {
      const { device, mountpoint } = this.mounted.facts;
      await unmountDevice(device, mountpoint, false);
      return true;
    } catch (error) {
      if (isOutOfReach(error)) return false;
      throw error;
    }
  }
}

/** In use, covered by another mount, or unmounted lazily: not ours to unmount now. */
function isOutOfReach(error: unknown): boolean {
  return error instanceof MountError && ["EBUSY", "EINVAL"].includes(error.code);
}
