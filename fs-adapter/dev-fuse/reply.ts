/**
 * One answer to the kernel, built in a buffer that is used over and over: the out-header first,
 * then the payload, so that one write(2) sends both.
 */
import { writeSync } from "node:fs";
import type { Attributes, NodeId, VolumeStatistics } from "../../image-core/filesystem/volume.js";
import { ATTR_SIZE, ENTRY_OUT_SIZE, FOREVER, OUT_HEADER_SIZE, STATFS_OUT_SIZE } from "./abi.js";

const HIGH = 2 ** 32;

export class Reply {
  /** Header and payload. Writers put their payload at `payload` and beyond. */
  readonly bytes: Buffer;
  readonly words: Uint32Array;
  /** Where the payload starts. */
  readonly payload = OUT_HEADER_SIZE;

  constructor(
    private readonly fd: number,
    /** Of the largest payload. */
    capacity: number,
  ) {
    const memory = new ArrayBuffer(OUT_HEADER_SIZE + capacity);
    this.bytes = Buffer.from(memory);
    this.words = new Uint32Array(memory);
  }

  /** Writes the header for a payload of `length` bytes and sends both. */
  send(uniqueLow: number, uniqueHigh: number, length: number): void {
    this.header(uniqueLow, uniqueHigh, length);
    this.write(OUT_HEADER_SIZE + length);
  }

  /** Answers with an error; `errno` is positive. */
  fail(uniqueLow: number, uniqueHigh: number, errno: number): void {
    this.words[0] = OUT_HEADER_SIZE;
    this.words[1] = -errno;
    this.words[2] = uniqueLow;
    this.words[3] = uniqueHigh;
    this.write(OUT_HEADER_SIZE);
  }

  /** The header alone, for a payload that travels another way. */
  header(uniqueLow: number, uniqueHigh: number, length: number): void {
    this.words[0] = OUT_HEADER_SIZE + length;
    this.words[1] = 0;
    this.words[2] = uniqueLow;
    this.words[3] = uniqueHigh;
  }

  private write(length: number): void {
    try {
      writeSync(this.fd, this.bytes, 0, length);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // ENOENT: the request was interrupted and given up, or answered by an earlier server.
      // ENODEV: unmounted meanwhile; the next read says so as well.
      if (code !== "ENOENT" && code !== "ENODEV") throw error;
    }
  }

  clear(from: number, length: number): void {
    this.words.fill(0, from >> 2, (from + length) >> 2);
  }

  /** struct fuse_entry_out at byte `at`, valid for ever. Node 0 is a negative entry. */
  entry(at: number, node: NodeId, attributes: Attributes): void {
    const w = this.words;
    const i = at >> 2;
    w[i] = node;
    w[i + 1] = node / HIGH;
    w[i + 2] = 0; // generation
    w[i + 3] = 0;
    w[i + 4] = FOREVER; // entry_valid
    w[i + 5] = 0;
    w[i + 6] = FOREVER; // attr_valid
    w[i + 7] = 0;
    w[i + 8] = 0; // entry_valid_nsec
    w[i + 9] = 0; // attr_valid_nsec
    this.attributes(at + ENTRY_OUT_SIZE - ATTR_SIZE, attributes);
  }

  /** struct fuse_kstatfs at byte `at`. */
  statistics(at: number, s: VolumeStatistics): void {
    this.clear(at, STATFS_OUT_SIZE);
    const w = this.words;
    const i = at >> 2;
    w[i] = s.blocks;
    w[i + 1] = s.blocks / HIGH;
    // An image cannot be written: whatever its tables call free, nobody can use.
    w[i + 6] = s.files;
    w[i + 7] = s.files / HIGH;
    w[i + 10] = s.blockSize;
    w[i + 11] = s.maxNameBytes;
    w[i + 12] = s.blockSize;
  }

  /** struct fuse_attr at byte `at`. */
  attributes(at: number, a: Attributes): void {
    const w = this.words;
    const i = at >> 2;
    w[i] = a.ino;
    w[i + 1] = a.ino / HIGH;
    w[i + 2] = a.size;
    w[i + 3] = a.size / HIGH;
    w[i + 4] = a.blocks;
    w[i + 5] = a.blocks / HIGH;
    // Seconds are signed 64-bit numbers: the high word of a negative one is its floor.
    w[i + 6] = a.atime;
    w[i + 7] = Math.floor(a.atime / HIGH);
    w[i + 8] = a.mtime;
    w[i + 9] = Math.floor(a.mtime / HIGH);
    w[i + 10] = a.ctime;
    w[i + 11] = Math.floor(a.ctime / HIGH);
    w[i + 12] = a.atimeNs;
    w[i + 13] = a.mtimeNs;
    w[i + 14] = a.ctimeNs;
    w[i + 15] = a.mode;
    w[i + 16] = a.nlink;
    w[i + 17] = a.uid;
    w[i + 18] = a.gid;
    // new_encode_dev() of the kernel: 12 bits of major between the minor's low 8 and high 12.
    w[i + 19] = (a.rdevMinor & 0xff) | ((a.rdevMajor & 0xfff) << 8) | ((a.rdevMinor & ~0xff) << 12);
    w[i + 20] = BLOCK_SIZE;
    w[i + 21] = 0; // flags
  }
}

/** st_blksize: what programs like cp read at once. */
const BLOCK_SIZE = 128 * 1024;
