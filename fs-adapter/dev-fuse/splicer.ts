/**
 * Zero-copy answers: file contents go from the image's page cache through a pipe to /dev/fuse by
 * splice(2) and never enter this process.
 *
 * The pipe is made on first use, with at most 256 KiB: a user may have 64 MiB of pipes in all, and
 * one who exceeds that gets slow one-page pipes everywhere. It holds one page a slot, so a message
 * is one slot for the header and one for each page of data. A pipe that a short splice left with
 * bytes in it is thrown away; the caller answers by copy.
 */
import { writeSync } from "node:fs";
import type { HostRange } from "../../image-core/source/byte-source.js";
import { close, errno, fcntl, pipe2, splice } from "../system/libc.js";
import { OUT_HEADER_SIZE } from "./abi.js";
import type { Reply } from "./reply.js";

const O_CLOEXEC = 0o2000000;
const F_SETPIPE_SZ = 1031;
const PIPE_SIZE = 256 * 1024;
const PAGE_SIZE = 4096;
/** Of data in one message. No larger requests are wanted: they would have to be copied. */
export const MAX_SPLICE_BYTES = PIPE_SIZE - PAGE_SIZE;
const ENOENT = 2;
const ENODEV = 19;

/** Below this a copy is as fast (measured: they meet between 8 and 32 KiB). */
const MIN_LENGTH = 16 * 1024;

export class Splicer {
  private readEnd = -1;
  private writeEnd = -1;
  /** Of the data in one message; 0 while there is no pipe. */
  private capacity = 0;
  private unavailable = false;
  private readonly position = new BigInt64Array(1);
  private readonly positionWords = new Uint32Array(this.position.buffer);

  constructor(private readonly fuse: number) {}

  /** True if a message with `length` bytes of data should go this way. */
  suits(length: number): boolean {
    if (length < MIN_LENGTH || this.unavailable) return false;
    if (this.capacity === 0) this.open();
    return length <= this.capacity;
  }

  /**
   * Sends the header that `reply` holds and the bytes of `range`. Returns false if nothing was
   * sent and the caller must answer by copy.
   */
  send(reply: Reply, range: HostRange): boolean {
    if (writeSync(this.writeEnd, reply.bytes, 0, OUT_HEADER_SIZE) !== OUT_HEADER_SIZE) {
      return this.abandon();
    }
    this.positionWords[0] = range.position;
    this.positionWords[1] = range.position / 2 ** 32;
    const filled = splice(range.fd, this.position, this.writeEnd, null, range.length, 0);
    // Short: the image has shrunk, or its pages are cut such that they overfill the pipe.
    if (filled !== range.length) return this.abandon();
    const sent = splice(this.readEnd, null, this.fuse, null, OUT_HEADER_SIZE + range.length, 0);
    if (sent === OUT_HEADER_SIZE + range.length) return true;
    const code = errno();
    this.abandon();
    // The request is gone (interrupted, or the mount is): there is nothing left to answer.
    return code === ENOENT || code === ENODEV;
  }

  private open(): void {
    const pair = new Int32Array(2);
    if (pipe2(pair, O_CLOEXEC) < 0) {
      this.unavailable = true;
      return;
    }
    this.readEnd = pair[0];
    this.writeEnd = pair[1];
    let size = fcntl(this.writeEnd, F_SETPIPE_SZ, PIPE_SIZE);
    if (size < 0) size = 16 * PAGE_SIZE;
    this.capacity = size - PAGE_SIZE;
    if (this.capacity < MIN_LENGTH) {
      this.abandon();
      this.unavailable = true;
    }
  }

  private abandon(): false {
    close(this.readEnd);
    close(this.writeEnd);
    this.capacity = 0;
    return false;
  }
}
