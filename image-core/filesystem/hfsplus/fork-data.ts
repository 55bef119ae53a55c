/** HFSPlusForkData (TN1150, "Fork Data Structure"), decoded when asked for. Big-endian. */
import { corrupt } from "../../errors.js";
import type { ForkDescription } from "../apple/catalog-entry.js";
import type { ExtentRecord } from "../apple/extents.js";
import { readExtents32 } from "../apple/extents-overflow.js";

export class HfsPlusForkData implements ForkDescription {
  constructor(
    private readonly view: DataView,
    private readonly start: number,
  ) {}

  /** Throws `corrupt` for a size beyond 2^53. */
  get logicalSize(): number {
    const high = this.view.getUint32(this.start);
    if (high >= 2 ** 21) {
      throw corrupt("hfsplus", "fork data", this.start, `size 0x${high.toString(16)}00000000`);
    }
    return high * 2 ** 32 + this.view.getUint32(this.start + 4);
  }

  get totalBlocks(): number {
    return this.view.getUint32(this.start + 12);
  }

  get extents(): ExtentRecord {
    return readExtents32(this.view, this.start + 16);
  }
}
