/**
 * Listing ahead: while a program digests one part of a large directory, the part behind it is made
 * ready, so that both work at the same time.
 *
 * Where it is not asked for twice in a row (several programs list at once, or look at the beginning
 * alone), nothing is made ready until what is asked for is what was expected.
 */
import type { NodeId, Volume } from "../../image-core/filesystem/volume.js";
import { markBusy, markIdle } from "../counters.js";
import { Opcode } from "./abi.js";
import { DirectoryReply } from "./directory-reply.js";
import type { FilesAhead } from "./files-ahead.js";
import { Reply } from "./reply.js";

/** Programs ask for 32 KiB (glibc) or less; larger parts are not made ready. */
const MAX_PART_BYTES = 64 * 1024;
const MAX_DISAPPOINTMENTS = 2;

export class ListingAhead {
  private readonly reply: Reply;
  private readonly directoryReply: DirectoryReply;
  /** The part that is expected to be asked for: what lies behind `cookie`; 0 for none. */
  private cookie = 0;
  private directory: NodeId = 0;
  private size = 0;
  /** In bytes, of the answer that is ready; -1 if it is not. */
  private length = -1;
  /** How often something else was asked for, since it was this. */
  private disappointments = 0;

  /** `counters`: where to tell what the thread is busy with. */
  constructor(
    volume: Volume,
    fuse: number,
    filesAhead: FilesAhead | undefined,
    private readonly counters: Float64Array,
  ) {
    this.reply = new Reply(fuse, MAX_PART_BYTES);
    this.directoryReply = new DirectoryReply(volume, this.reply, filesAhead);
  }

  /** Sends the part of a READDIRPLUS if it is ready. */
  answer(
    directory: NodeId,
    cookie: number,
    size: number,
    uniqueLow: number,
    uniqueHigh: number,
  ): boolean {
    if (this.cookie === 0) return false;
    const isExpected = cookie === this.cookie && directory === this.directory && size === this.size;
    this.cookie = 0;
    this.disappointments = isExpected ? 0 : this.disappointments + 1;
    if (!isExpected || this.length < 0) return false;
    this.reply.send(uniqueLow, uniqueHigh, this.length);
    this.expect(directory, this.directoryReply.next, size);
    return true;
  }

  /** What was answered goes on behind `cookie`; 0 if it does not. */
  expect(directory: NodeId, cookie: number, size: number): void {
    this.directory = directory;
    this.cookie = size <= MAX_PART_BYTES ? cookie : 0;
    this.size = size;
    this.length = -1;
  }

  /** Whether there is a part to make ready. */
  get isWanted(): boolean {
    return this.cookie !== 0 && this.length < 0 && this.disappointments < MAX_DISAPPOINTMENTS;
  }

  /** Makes the expected part ready. */
  prepare(): void {
    const { counters, directory } = this;
    markBusy(counters, Opcode.READDIRPLUS, directory);
    try {
      this.length = this.directoryReply.fill(directory, this.cookie, this.size, true);
    } catch {
      // Nobody has asked for it. Who does is told, by the same error.
      this.cookie = 0;
    }
    markIdle(counters);
  }
}
