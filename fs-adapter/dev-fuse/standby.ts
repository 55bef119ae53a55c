/**
 * Answers for a mount while no server runs: what asks nothing of the image is answered here (`df`,
 * and that the kernel forgets a node), anything else lies in the first slot for the next server.
 */
import { readSync } from "node:fs";
import type { VolumeStatistics } from "../../image-core/filesystem/volume.js";
import { setBlocking, setNonBlocking } from "../system/unix-socket.js";
import { InHeader, Opcode, REQUEST_SIZE, STATFS_OUT_SIZE } from "./abi.js";
import { Reply } from "./reply.js";
import { resend } from "./resend.js";
import { Slot } from "./slot.js";

export class Standby {
  private readonly slot: Slot;
  private readonly reply: Reply;

  /** `fuse` does not block until `end`: no server may read from it meanwhile. */
  constructor(
    private readonly fuse: number,
    slots: number,
    private readonly statistics: VolumeStatistics,
  ) {
    this.slot = new Slot(slots, 0);
    this.reply = new Reply(fuse, STATFS_OUT_SIZE);
    setNonBlocking(fuse);
    // A server may have died over something that no slot tells of.
    resend(fuse);
  }

  /** Answers what is there; says whether a server is wanted for the rest. Never blocks. */
  answer(): "quiet" | "wanted" | "unmounted" {
    const { slot } = this;
    for (;;) {
      try {
        if (readSync(this.fuse, slot.bytes, 0, REQUEST_SIZE, null) === 0) return "unmounted";
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "EAGAIN") return "quiet";
        if (code === "ENODEV") return "unmounted";
        // ENOENT: the request was interrupted before it was read.
        if (code === "EINTR" || code === "ENOENT") continue;
        throw error;
      }
      if (!this.dispatch(slot.words[InHeader.opcode])) return "wanted";
      slot.clear();
    }
  }

  /** A server may serve again. */
  end(): void {
    setBlocking(this.fuse);
    this.slot.unmap();
  }

  private dispatch(opcode: number): boolean {
    switch (opcode) {
      case Opcode.STATFS: {
        const { words } = this.slot;
        this.reply.statistics(this.reply.payload, this.statistics);
        this.reply.send(words[InHeader.uniqueLow], words[InHeader.uniqueHigh], STATFS_OUT_SIZE);
        return true;
      }
      case Opcode.FORGET:
      case Opcode.BATCH_FORGET:
      case Opcode.INTERRUPT:
        // No answer is due.
        return true;
      default:
        return false;
    }
  }
}
