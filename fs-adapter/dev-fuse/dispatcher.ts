/**
 * Answers each request of the kernel from a Volume: one method an operation, no state between them
 * but the volume's own. Everything that would change the filesystem is EROFS.
 */
import { constants } from "node:os";
import { cacheCounts } from "../../image-core/cache/cache-counts.js";
import { Attributes, type NodeId, type Volume } from "../../image-core/filesystem/volume.js";
import type { HostRange } from "../../image-core/source/byte-source.js";
import { Counter, markBusy, markIdle } from "../counters.js";
import { errnoOf } from "../errno.js";
import { THREAD_ORIGIN } from "../system/monotonic.js";
import {
  ATTR_OUT_SIZE,
  BODY,
  ENTRY_OUT_SIZE,
  FOREVER,
  FUSE_KERNEL_MINOR_VERSION,
  FUSE_KERNEL_VERSION,
  IN_HEADER_SIZE,
  INIT_OUT_SIZE,
  InHeader,
  InitFlag,
  MAX_WRITE,
  Opcode,
  STATFS_OUT_SIZE,
} from "./abi.js";
import { DirectoryReply } from "./directory-reply.js";
import type { FilesAhead } from "./files-ahead.js";
import type { ListingAhead } from "./listing-ahead.js";
import { Reply } from "./reply.js";
import type { Slot } from "./slot.js";
import { Splicer } from "./splicer.js";

const { errno } = constants;

/** A request that killed servers: answered EIO without being tried again. */
export interface PoisonedRequest {
  opcode: number;
  node: number;
  /** Of a READ; 0 for all others. */
  position: number;
}

export interface DispatcherOptions {
  /** Of one READ; a multiple of the page size. */
  maxReadBytes: number;
  poisoned: readonly PoisonedRequest[];
  /** Float64Array with COUNTERS_SIZE bytes, shared with the server's main thread. */
  counters: Float64Array;
  /** Told of every failed request. */
  onError(error: unknown, opcode: number, node: number): void;
}

export class Dispatcher {
  private readonly words: Uint32Array;
  private readonly reply: Reply;
  private readonly splicer: Splicer;
  private readonly directoryReply: DirectoryReply;
  private readonly attributes = new Attributes();
  private readonly range: HostRange = { fd: -1, position: 0, length: 0 };
  private readonly counters: Float64Array;

  constructor(
    private readonly volume: Volume,
    private readonly slot: Slot,
    fuse: number,
    /** Told of what is listed and read. */
    private readonly filesAhead: FilesAhead | undefined,
    private readonly listingAhead: ListingAhead | undefined,
    private readonly options: DispatcherOptions,
  ) {
    this.words = slot.words;
    this.reply = new Reply(fuse, options.maxReadBytes);
    this.splicer = new Splicer(fuse);
    this.directoryReply = new DirectoryReply(
      volume,
      this.reply,
      filesAhead,
      listingAhead?.treeWalk,
    );
    this.counters = options.counters;
  }

  /** Answers the request in the slot and clears it. Throws only if /dev/fuse itself fails. */
  handle(): void {
    const { words, counters } = this;
    const opcode = words[InHeader.opcode];
    const node = words[InHeader.node] + words[InHeader.node + 1] * 2 ** 32;
    counters[Counter.requests]++;
    const start = performance.now();
    markBusy(counters, opcode, node, THREAD_ORIGIN + start);
    if (this.options.poisoned.length > 0 && this.isPoisoned(opcode, node)) this.fail(errno.EIO);
    else this.dispatch(opcode, node);
    counters[Counter.milliseconds] += performance.now() - start;
    counters[Counter.cacheHits] = cacheCounts.hits;
    counters[Counter.cacheMisses] = cacheCounts.misses;
    markIdle(counters);
    this.slot.clear();
  }

  private dispatch(opcode: number, node: NodeId): void {
    switch (opcode) {
      case Opcode.READ:
        return this.read(node);
      case Opcode.FORGET:
      case Opcode.BATCH_FORGET:
        // Ids come from where objects lie: there is no table to forget from, and no answer is due.
        return;
      case Opcode.INTERRUPT:
        // A synchronous thread has either answered the request it names or is about to.
        return;
      case Opcode.INIT:
        return this.init();
      case Opcode.STATFS:
        return this.statfs();
      case Opcode.LOOKUP:
        return this.lookup(node);
      case Opcode.GETATTR:
        return this.getattr(node);
      case Opcode.READLINK:
        return this.readlink(node);
      case Opcode.READDIR:
        return this.readdir(node, false);
      case Opcode.READDIRPLUS:
        return this.readdir(node, true);
      case Opcode.GETXATTR:
        return this.getxattr(node);
      case Opcode.LISTXATTR:
        return this.listxattr(node);
      case Opcode.DESTROY:
        return this.send(0);
      case Opcode.IOCTL:
        return this.fail(errno.ENOTTY);
      case Opcode.SETATTR:
      case Opcode.SYMLINK:
      case Opcode.MKNOD:
      case Opcode.MKDIR:
      case Opcode.UNLINK:
      case Opcode.RMDIR:
      case Opcode.RENAME:
      case Opcode.RENAME2:
      case Opcode.LINK:
      case Opcode.WRITE:
      case Opcode.SETXATTR:
      case Opcode.REMOVEXATTR:
      case Opcode.CREATE:
      case Opcode.FALLOCATE:
        return this.fail(errno.EROFS);
      default:
        // OPEN, OPENDIR and FLUSH among them: ENOSYS makes the kernel do without asking, for good.
        return this.fail(errno.ENOSYS);
    }
  }

  /**
   * The key under which a request that kills is remembered. Static, because the supervisor reads
   * it from a dead server's slot by the same rule.
   */
  static poisonKey(words: Uint32Array): PoisonedRequest {
    const opcode = words[InHeader.opcode];
    const node = words[InHeader.node] + words[InHeader.node + 1] * 2 ** 32;
    const position = opcode === Opcode.READ ? words[BODY + 2] + words[BODY + 3] * 2 ** 32 : 0;
    return { opcode, node, position };
  }

  private isPoisoned(opcode: number, node: NodeId): boolean {
    const { position } = Dispatcher.poisonKey(this.words);
    return this.options.poisoned.some(
      (p) => p.opcode === opcode && p.node === node && p.position === position,
    );
  }

  private read(node: NodeId): void {
    const { words, reply, volume, range, counters } = this;
    // struct fuse_read_in: fh, offset, size, ...
    const position = words[BODY + 2] + words[BODY + 3] * 2 ** 32;
    const size = Math.min(words[BODY + 4], this.options.maxReadBytes);
    counters[Counter.reads]++;
    try {
      // A located run that is shorter than asked may end at an extent's end, not the file's, and a
      // short answer would read as zeros: only whole answers are spliced.
      if (
        this.splicer.suits(size) &&
        volume.locate?.(node, position, size, range) &&
        range.length === size
      ) {
        reply.header(words[InHeader.uniqueLow], words[InHeader.uniqueHigh], size);
        if (this.splicer.send(reply, range)) {
          counters[Counter.readBytes] += size;
          counters[Counter.splicedBytes] += size;
          if (position === 0) this.filesAhead?.wasRead(node);
          return;
        }
      }
      const got = volume.read(node, position, reply.bytes, reply.payload, size);
      counters[Counter.readBytes] += got;
      this.send(got);
      if (position === 0) this.filesAhead?.wasRead(node);
    } catch (error) {
      this.failWith(error, node);
    }
  }

  private lookup(directory: NodeId): void {
    try {
      const name = this.text(IN_HEADER_SIZE);
      const node = this.volume.lookup(directory, name);
      if (node === 0) {
        // A negative entry: the kernel need not ask for this name again.
        this.reply.clear(this.reply.payload, ENTRY_OUT_SIZE);
        this.reply.words[(this.reply.payload >> 2) + 4] = FOREVER;
      } else {
        this.volume.attributes(node, this.attributes);
        this.reply.entry(this.reply.payload, node, this.attributes);
      }
      this.send(ENTRY_OUT_SIZE);
    } catch (error) {
      this.failWith(error, directory);
    }
  }

  private getattr(node: NodeId): void {
    try {
      this.volume.attributes(node, this.attributes);
      const { reply } = this;
      reply.clear(reply.payload, ATTR_OUT_SIZE);
      reply.words[reply.payload >> 2] = FOREVER;
      reply.attributes(reply.payload + 16, this.attributes);
      this.send(ATTR_OUT_SIZE);
    } catch (error) {
      this.failWith(error, node);
    }
  }

  private readlink(node: NodeId): void {
    try {
      this.send(this.reply.bytes.write(this.volume.readLink(node), this.reply.payload, "utf8"));
    } catch (error) {
      this.failWith(error, node);
    }
  }

  private readdir(directory: NodeId, plus: boolean): void {
    const { words, directoryReply, listingAhead } = this;
    // struct fuse_read_in: the offset is the cookie behind which to go on.
    const cookie = words[BODY + 2] + words[BODY + 3] * 2 ** 32;
    const size = words[BODY + 4];
    const low = words[InHeader.uniqueLow];
    if (plus && listingAhead?.answer(directory, cookie, size, low, words[InHeader.uniqueHigh])) {
      return;
    }
    try {
      this.send(directoryReply.fill(directory, cookie, size, plus));
      if (plus) listingAhead?.wasListed(directory, directoryReply, size);
    } catch (error) {
      this.failWith(error, directory);
    }
  }

  private getxattr(node: NodeId): void {
    if (this.volume.hasXattrs === false) return this.fail(errno.ENOSYS);
    // struct fuse_getxattr_in: size, padding; then the name.
    const size = this.words[BODY];
    try {
      const value = this.volume.readXattr(node, this.text(IN_HEADER_SIZE + 8));
      if (value === undefined) this.fail(errno.ENODATA);
      else this.sendSized(value, size);
    } catch (error) {
      this.failWith(error, node);
    }
  }

  private listxattr(node: NodeId): void {
    if (this.volume.hasXattrs === false) return this.fail(errno.ENOSYS);
    const size = this.words[BODY];
    try {
      const names = this.volume.listXattrs(node);
      this.sendSized(Buffer.from(names.map((name) => `${name}\0`).join("")), size);
    } catch (error) {
      this.failWith(error, node);
    }
  }

  /** The answer to both xattr requests: the size alone if asked with 0, ERANGE if it does not fit. */
  private sendSized(value: Uint8Array, size: number): void {
    const { reply } = this;
    if (size === 0) {
      reply.clear(reply.payload, 8);
      reply.words[reply.payload >> 2] = value.length;
      this.send(8);
    } else if (value.length > size) this.fail(errno.ERANGE);
    else {
      reply.bytes.set(value, reply.payload);
      this.send(value.length);
    }
  }

  private statfs(): void {
    this.reply.statistics(this.reply.payload, this.volume.statistics());
    this.send(STATFS_OUT_SIZE);
  }

  private init(): void {
    const { words, reply } = this;
    // struct fuse_init_in: major, minor, max_readahead, flags.
    const major = words[BODY];
    const minor = words[BODY + 1];
    const i = reply.payload >> 2;
    const w = reply.words;
    reply.clear(reply.payload, INIT_OUT_SIZE);
    w[i] = FUSE_KERNEL_VERSION;
    w[i + 1] = Math.min(minor, FUSE_KERNEL_MINOR_VERSION);
    // A newer kernel asks again with our major after this answer.
    if (major > FUSE_KERNEL_VERSION) return this.send(INIT_OUT_SIZE);
    if (major < FUSE_KERNEL_VERSION || minor < 23) return this.fail(errno.EPROTO);
    const offered = words[BODY + 3];
    const wanted =
      InitFlag.ASYNC_READ |
      InitFlag.EXPORT_SUPPORT |
      // Always: with READDIRPLUS_AUTO a cold `find` costs a LOOKUP for each entry.
      InitFlag.DO_READDIRPLUS |
      InitFlag.NO_OPEN_SUPPORT |
      InitFlag.NO_OPENDIR_SUPPORT |
      InitFlag.PARALLEL_DIROPS |
      InitFlag.MAX_PAGES |
      InitFlag.CACHE_SYMLINKS |
      InitFlag.INIT_EXT;
    w[i + 2] = this.options.maxReadBytes; // max_readahead: the kernel takes less if its own is less
    w[i + 3] = offered & wanted;
    w[i + 4] = MAX_BACKGROUND | (CONGESTION_THRESHOLD << 16);
    w[i + 5] = MAX_WRITE;
    w[i + 6] = 1; // time_gran: nanoseconds
    w[i + 7] = this.options.maxReadBytes / PAGE_SIZE; // max_pages; map_alignment 0
    this.send(INIT_OUT_SIZE);
  }

  /** The NUL-terminated text at byte `start` of the request. */
  private text(start: number): string {
    const { bytes } = this.slot;
    const end = bytes.indexOf(0, start);
    return bytes.toString("utf8", start, end);
  }

  private send(length: number): void {
    this.reply.send(this.words[InHeader.uniqueLow], this.words[InHeader.uniqueHigh], length);
  }

  private fail(code: number): void {
    this.reply.fail(this.words[InHeader.uniqueLow], this.words[InHeader.uniqueHigh], code);
  }

  private failWith(error: unknown, node: NodeId): void {
    this.counters[Counter.errors]++;
    const opcode = this.words[InHeader.opcode];
    this.options.onError(error, opcode, node);
    this.fail(errnoOf(error));
  }
}

const PAGE_SIZE = 4096;
/** Requests that the kernel may have waiting in the background: readahead, mostly. */
const MAX_BACKGROUND = 64;
const CONGESTION_THRESHOLD = 48;
