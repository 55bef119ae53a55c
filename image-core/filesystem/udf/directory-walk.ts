/**
 * Going through the shown entries of a directory. Skipped are the parent's entry, deleted ones, and
 * hidden ones, as Linux does.
 */
import { ImageError } from "../../errors.js";
import type { BlockAddress } from "./block-space.js";
import type { Directory } from "./directory.js";
import type { DirectoryStream } from "./directory-stream.js";
import { Characteristic, fidCharacteristics, isSkipped, takeFidIcb } from "./file-identifier.js";

export class DirectoryEntry {
  name = "";
  readonly icb: BlockAddress = { partition: 0, block: 0 };
  isDirectory = false;

  /** What `stream` is at. */
  take({ bytes, at }: DirectoryStream, name: string): void {
    this.name = name;
    this.isDirectory = (fidCharacteristics(bytes, at) & Characteristic.directory) !== 0;
    takeFidIcb(bytes, at, this.icb);
  }
}

/** Is the entry that it is at. */
export class DirectoryWalk extends DirectoryEntry {
  /** Where in the directory the next entry may lie. */
  next = 0;
  private copy: number;

  constructor(
    private readonly directory: Directory,
    /** At the descriptor that `advance` found. */
    public stream: DirectoryStream,
  ) {
    super();
    this.copy = directory.copy;
  }

  /** To the next entry that is shown; false where none is left. */
  step(): boolean {
    while (this.advance()) {
      const { stream } = this;
      if (isSkipped(stream.bytes, stream.at)) continue;
      this.take(stream, this.directory.nameAt(stream));
      return true;
    }
    this.directory.finish();
    return false;
  }

  /** To the next descriptor, whatever it is of; false where none is left. */
  advance(): boolean {
    const { stream, next, directory } = this;
    const { damaged } = stream;
    let found: boolean;
    try {
      found = stream.seek(next);
    } catch (error) {
      if (!(error instanceof ImageError) || !this.takeBetterCopy()) throw error;
      return this.advance();
    }
    if (stream.damaged > damaged || stream.torn || (!found && stream.unused > 0)) {
      if (this.takeBetterCopy()) return this.advance();
      directory.noticeDamage(next, stream.damaged - damaged);
    }
    if (found) this.next = stream.next;
    return found;
  }

  private takeBetterCopy(): boolean {
    const { directory } = this;
    const other = directory.betterCopy(this.copy);
    if (other === undefined) return false;
    this.stream = other;
    this.copy = directory.copy;
    return true;
  }
}
