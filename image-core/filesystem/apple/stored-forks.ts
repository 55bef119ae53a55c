/** Opens forks by their file's CNID, extents overflow included. */
import type { ByteSource } from "../../source/byte-source.js";
import type { ForkDescription } from "./catalog-entry.js";
import type { AllocationBlocks } from "./extents.js";
import { type ExtentsOverflow, ForkType } from "./extents-overflow.js";
import { openFork } from "./fork.js";
import type { OpenFork } from "./open-forks.js";

export class StoredForks {
  constructor(
    /** Bytes of the volume, its journal replayed. */
    readonly volume: ByteSource,
    readonly blocks: AllocationBlocks,
    private readonly overflow: ExtentsOverflow,
    private readonly format: string,
  ) {}

  open(fileId: number, forkType: ForkType, fork: ForkDescription): OpenFork {
    const what = `${forkType === ForkType.data ? "data" : "resource"} fork of CNID ${fileId}`;
    const { volume, blocks, overflow, format } = this;
    const source = openFork(volume, blocks, fork, format, what, (fileBlock) =>
      overflow.find(fileId, forkType, fileBlock),
    );
    return { source, weight: source.extents.fileBlocks.length };
  }
}
