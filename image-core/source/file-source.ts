/** An open regular file or block device. Holds the descriptor it is given; never opens a path. */
import { fstatSync, readSync } from "node:fs";
import { at, ImageError } from "../errors.js";
import type { ByteSource, HostRange } from "./byte-source.js";

export class FileSource implements ByteSource {
  readonly size: number;

  /** `size`: for block devices, whose stat says 0. */
  constructor(
    readonly fd: number,
    size?: number,
  ) {
    this.size = size ?? fstatSync(fd).size;
  }

  read(position: number, target: Uint8Array, offset: number, length: number): number {
    if (position >= this.size) return 0;
    const wanted = Math.min(length, this.size - position);
    let done = 0;
    while (done < wanted) {
      let got: number;
      try {
        got = readSync(this.fd, target, offset + done, wanted - done, position + done);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EINTR") continue;
        throw new ImageError(
          "host-io",
          "file",
          `reading ${wanted} bytes ${at(position)}: ${(error as Error).message}`,
          { cause: error },
        );
      }
      if (got === 0) {
        // `size` was taken when the file was opened: it has shrunk since.
        throw new ImageError(
          "truncated",
          "file",
          `the image file has shrunk: nothing ${at(position + done)}, it had ${this.size} bytes when opened`,
        );
      }
      done += got;
    }
    return done;
  }

  locate(position: number, length: number, range: HostRange): boolean {
    if (position >= this.size) return false;
    range.fd = this.fd;
    range.position = position;
    range.length = Math.min(length, this.size - position);
    return true;
  }
}
