/**
 * Listing ahead: while a program digests one part of a directory, what it is going to ask for is
 * made ready, so that both work at the same time: the next part, or the directory that comes next
 * when a tree is walked.
 *
 * Where something else is asked for twice in a row (several programs list at once, or look at one
 * directory alone), nothing is made ready until what is asked for is what was expected.
 */
import type { NodeId, Volume } from "../../image-core/filesystem/volume.js";
import { markBusy, markIdle } from "../counters.js";
import { monotonicMilliseconds } from "../system/monotonic.js";
import { Opcode } from "./abi.js";
import { DirectoryReply } from "./directory-reply.js";
import type { FilesAhead } from "./files-ahead.js";
import { Reply } from "./reply.js";
import { TreeWalk } from "./tree-walk.js";

/** Programs ask for st_blksize, 128 KiB, or less; larger parts are not made ready. */
const MAX_PART_BYTES = 128 * 1024;
const MAX_DISAPPOINTMENTS = 2;

export class ListingAhead {
  readonly treeWalk = new TreeWalk();
  private readonly reply: Reply;
  private readonly directoryReply: DirectoryReply;
  /** The part that is expected to be asked for: of which directory, 0 for none, behind which entry. */
  private directory: NodeId = 0;
  private cookie = 0;
  private size = 0;
  /** In bytes, of the answer that is ready; -1 if it is not. */
  private length = -1;
  /** How often something else was asked for, since it was this. */
  private disappointments = 0;
  /** The directory that was listed last, if to its end, and its last entry. */
  private ended: NodeId = 0;
  private endCookie = 0;

  /** `counters`: where to tell what the thread is busy with. */
  constructor(
    volume: Volume,
    fuse: number,
    filesAhead: FilesAhead | undefined,
    private readonly counters: Float64Array,
  ) {
    this.reply = new Reply(fuse, MAX_PART_BYTES);
    this.directoryReply = new DirectoryReply(volume, this.reply, filesAhead, this.treeWalk);
  }

  /** Sends the answer to a READDIRPLUS if it is ready. */
  answer(
    directory: NodeId,
    cookie: number,
    size: number,
    uniqueLow: number,
    uniqueHigh: number,
  ): boolean {
    const { reply } = this;
    if (directory === this.ended && cookie === this.endCookie) {
      // Programs ask until nothing comes: no disappointment, and what is ready stays so.
      reply.send(uniqueLow, uniqueHigh, 0);
      return true;
    }
    if (this.directory === 0) return false;
    const isExpected = directory === this.directory && cookie === this.cookie && size === this.size;
    this.directory = 0;
    this.disappointments = isExpected ? 0 : this.disappointments + 1;
    if (!isExpected || this.length < 0) return false;
    reply.send(uniqueLow, uniqueHigh, this.length);
    this.wasListed(directory, this.directoryReply, size);
    return true;
  }

  /** An answer of at most `size` bytes has gone out. */
  wasListed(directory: NodeId, { remainder, lastCookie }: DirectoryReply, size: number): void {
    this.ended = 0;
    if (remainder === "entries") this.expect(directory, lastCookie, size);
    else if (remainder === "damage") this.expect(0, 0, size);
    else {
      this.ended = directory;
      this.endCookie = lastCookie;
      this.expect(this.treeWalk.next, 0, size);
    }
  }

  private expect(directory: NodeId, cookie: number, size: number): void {
    this.directory = size <= MAX_PART_BYTES ? directory : 0;
    this.cookie = cookie;
    this.size = size;
    this.length = -1;
  }

  /** Whether there is something to make ready. */
  get isWanted(): boolean {
    return this.directory !== 0 && this.length < 0 && this.disappointments < MAX_DISAPPOINTMENTS;
  }

  /** Makes ready what is expected. */
  prepare(): void {
    const { counters, directory } = this;
    markBusy(counters, Opcode.READDIRPLUS, directory, monotonicMilliseconds());
    try {
      this.length = this.directoryReply.fill(directory, this.cookie, this.size, true);
    } catch {
      // Nobody has asked for it. Who does is told, by the same error.
      this.directory = 0;
    }
    markIdle(counters);
  }
}
