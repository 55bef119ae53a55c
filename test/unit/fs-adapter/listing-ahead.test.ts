/** Which parts of a directory are made ready before they are asked for, and that they are the same. */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { COUNTERS_SIZE, Counter } from "../../../fs-adapter/counters.js";
import { DirectoryReply } from "../../../fs-adapter/dev-fuse/directory-reply.js";
import { ListingAhead } from "../../../fs-adapter/dev-fuse/listing-ahead.js";
import { Reply } from "../../../fs-adapter/dev-fuse/reply.js";
import { ImageError } from "../../../image-core/errors.js";
import {
  type Attributes,
  type EmitEntry,
  S_IFREG,
  type Volume,
} from "../../../image-core/filesystem/volume.js";

const FOLDER = 1;
const FILES = 1000;
const SIZE = 4096;
const HEADER = 16;

let folder: string;
let path: string;
/** Stands for /dev/fuse: what is answered is appended. */
let fd: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "isomount-listing-"));
  path = join(folder, "answers");
  fd = openSync(path, "a");
});

afterEach(() => {
  closeSync(fd);
  rmSync(folder, { recursive: true });
});

/** FILES files in every folder; what lies behind `damagedAt` cannot be listed. */
function stage(damagedAt = Infinity) {
  let listed = 0;
  const volume = {
    parent: () => FOLDER,
    attributes(node: number, out: Attributes) {
      out.ino = node;
      out.mode = S_IFREG | 0o444;
    },
    readDirectory(directory: number, cookie: number, emit: EmitEntry) {
      listed++;
      for (let i = cookie; i < FILES; i++) {
        if (i >= damagedAt) throw new ImageError("corrupt", "test", `entry ${i}`);
        if (!emit(`folder ${directory} file ${i}`, directory * FILES + i, S_IFREG, i + 1)) return;
      }
    },
  } as Partial<Volume> as Volume;
  const counters = new Float64Array(COUNTERS_SIZE / 8);
  const ahead = new ListingAhead(volume, fd, undefined, counters);
  const reply = new Reply(fd, 64 * 1024);
  const direct = new DirectoryReply(volume, reply, undefined);
  return {
    ahead,
    counters,
    listings: () => listed,
    /** As the serving loop does it. Returns the payload and where the directory goes on. */
    ask(cookie: number, directory = FOLDER, size = SIZE) {
      truncateSync(path);
      const wasReady = ahead.answer(directory, cookie, size, 7, 9);
      if (!wasReady) {
        reply.send(7, 9, direct.fill(directory, cookie, size, true));
        ahead.expect(directory, direct.next, size);
      }
      const answer = readFileSync(path);
      expect(answer.readUInt32LE(0)).toBe(answer.length);
      expect([answer.readUInt32LE(8), answer.readUInt32LE(12)]).toEqual([7, 9]);
      const length = direct.fill(directory, cookie, size, true);
      expect(answer.subarray(HEADER)).toEqual(reply.bytes.subarray(HEADER, HEADER + length));
      if (ahead.isWanted) ahead.prepare();
      return { wasReady, length, next: direct.next };
    },
  };
}

describe("a directory that is listed from its beginning to its end", () => {
  it("has every part but the first ready, the same as if it had been asked for", () => {
    const { ask, counters, ahead } = stage();
    let cookie = 0;
    let parts = 0;
    do {
      const { wasReady, length, next } = ask(cookie);
      expect(length).toBeGreaterThan(0);
      expect(wasReady).toBe(parts > 0);
      parts++;
      cookie = next;
    } while (cookie !== 0);
    expect(parts).toBeGreaterThan(FILES / (SIZE / 152));
    expect(ahead.isWanted).toBe(false);
    expect(counters[Counter.opcode]).toBe(0);
  });

  it("costs nothing where one answer holds all of it", () => {
    const { ask, ahead, listings } = stage();
    ask(FILES - 1);
    expect(ahead.isWanted).toBe(false);
    expect(listings()).toBe(2);
  });
});

describe("a directory that is not read on", () => {
  it("is made ready no more until somebody reads on", () => {
    const { ask, ahead } = stage();
    // Two readers who take turns.
    let [first, second] = [0, 0];
    for (let turn = 0; turn < 3; turn++) {
      first = ask(first, 2).next;
      second = ask(second, 3).next;
    }
    expect(ahead.isWanted).toBe(false);
    // One of them goes on alone.
    second = ask(second, 3).next;
    expect(ask(second, 3).wasReady).toBe(true);
  });

  it("is answered for another size anew", () => {
    const { ask } = stage();
    const { next } = ask(0);
    expect(ask(next, FOLDER, SIZE / 2).wasReady).toBe(false);
  });

  it("makes nothing ready for programs that ask for very much at once", () => {
    const { ask, ahead } = stage();
    ask(0, FOLDER, 65 * 1024);
    expect(ahead.isWanted).toBe(false);
  });
});

it("leaves damage to the request that meets it", () => {
  const { ask, ahead, counters } = stage(40);
  let cookie = 0;
  do cookie = ask(cookie).next;
  while (cookie !== 0);
  expect(ahead.isWanted).toBe(false);
  ahead.expect(FOLDER, 42, SIZE);
  ahead.prepare();
  expect(ahead.answer(FOLDER, 42, SIZE, 1, 1)).toBe(false);
  expect(counters[Counter.opcode]).toBe(0);
});
