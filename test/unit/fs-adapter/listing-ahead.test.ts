/** Which parts of directories are made ready before they are asked for, and that they are the same. */
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
  S_IFDIR,
  S_IFREG,
  type Volume,
} from "../../../image-core/filesystem/volume.js";

const ROOT = 1;
const SIZE = 4096;
const HEADER = 16;
/** The first node of a file; those below are directories. */
const FILES = 1000;

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

const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

/** `tree`: the nodes in each directory. Behind `damagedAt` of its entries, none can be listed. */
function stage(tree: Record<number, readonly number[]>, damagedAt = Infinity) {
  const volume = {
    parent: () => ROOT,
    attributes(node: number, out: Attributes) {
      out.ino = node;
      out.mode = (node < FILES ? S_IFDIR : S_IFREG) | 0o555;
    },
    readDirectory(directory: number, cookie: number, emit: EmitEntry) {
      const nodes = tree[directory] ?? [];
      for (let i = cookie; i < nodes.length; i++) {
        if (i >= damagedAt) throw new ImageError("corrupt", "test", `entry ${i}`);
        const type = nodes[i] < FILES ? S_IFDIR : S_IFREG;
        if (!emit(`entry ${nodes[i]}`, nodes[i], type, i + 1)) return;
      }
    },
  } as Partial<Volume> as Volume;
  const counters = new Float64Array(COUNTERS_SIZE / 8);
  const ahead = new ListingAhead(volume, fd, undefined, counters);
  const reply = new Reply(fd, 256 * 1024);
  const direct = new DirectoryReply(volume, reply, undefined, ahead.treeWalk);
  const expected = new Reply(fd, 256 * 1024);
  const reference = new DirectoryReply(volume, expected, undefined, undefined);
  return {
    ahead,
    counters,
    /** As the serving loop does it. Returns how long the payload is, and its last cookie. */
    ask(cookie: number, directory = ROOT, size = SIZE) {
      truncateSync(path);
      const wasReady = ahead.answer(directory, cookie, size, 7, 9);
      if (!wasReady) {
        reply.send(7, 9, direct.fill(directory, cookie, size, true));
        ahead.wasListed(directory, direct, size);
      }
      const answer = readFileSync(path);
      expect(answer.readUInt32LE(0)).toBe(answer.length);
      expect([answer.readUInt32LE(8), answer.readUInt32LE(12)]).toEqual([7, 9]);
      const length = reference.fill(directory, cookie, size, true);
      const payload = expected.bytes.subarray(HEADER, HEADER + length);
      expect(payload.equals(answer.subarray(HEADER))).toBe(true);
      if (ahead.isWanted) ahead.prepare();
      return { wasReady, length, cookie: reference.lastCookie };
    },
    /** All of a directory, as programs list it. Returns which of its parts were ready. */
    list(directory: number, size = SIZE): boolean[] {
      const ready: boolean[] = [];
      let cookie = 0;
      for (;;) {
        const part = this.ask(cookie, directory, size);
        ready.push(part.wasReady);
        if (part.length === 0) return ready;
        cookie = part.cookie;
      }
    },
  };
}

describe("a large directory", () => {
  it("has every part but the first ready, the same as if it had been asked for", () => {
    const s = stage({ [ROOT]: range(FILES, 1000) });
    const ready = s.list(ROOT);
    expect(ready.length).toBeGreaterThan(1000 / (SIZE / 152));
    expect(ready.filter((each) => !each)).toEqual([false]);
    expect(ready[0]).toBe(false);
    expect(s.ahead.isWanted).toBe(false);
    expect(s.counters[Counter.opcode]).toBe(0);
  });

  it("is made ready no more when several list at once, until one goes on alone", () => {
    const s = stage({ 2: range(FILES, 1000), 3: range(2 * FILES, 1000) });
    let [first, second] = [0, 0];
    for (let turn = 0; turn < 3; turn++) {
      first = s.ask(first, 2).cookie;
      second = s.ask(second, 3).cookie;
    }
    expect(s.ahead.isWanted).toBe(false);
    second = s.ask(second, 3).cookie;
    expect(s.ask(second, 3).wasReady).toBe(true);
  });

  it("is answered anew to who asks for another size", () => {
    const s = stage({ [ROOT]: range(FILES, 1000) });
    const { cookie } = s.ask(0);
    expect(s.ask(cookie, ROOT, SIZE / 2).wasReady).toBe(false);
  });

  it("is not made ready for who asks for very much at once", () => {
    const s = stage({ [ROOT]: range(FILES, 1000) });
    s.ask(0, ROOT, 129 * 1024);
    expect(s.ahead.isWanted).toBe(false);
  });

  it("leaves damage to the request that meets it", () => {
    const s = stage({ [ROOT]: range(FILES, 1000) }, 40);
    // The second part is cut short: what comes behind is not there to be made ready.
    const { cookie } = s.ask(s.ask(0).cookie);
    expect(cookie).toBe(2 + 40);
    expect(s.ahead.isWanted).toBe(false);
    expect(() => s.ask(cookie)).toThrow("entry 40");
    // A part of which nothing can be made ready.
    s.ahead.wasListed(ROOT, { remainder: "entries", lastCookie: cookie } as DirectoryReply, SIZE);
    expect(s.ahead.isWanted).toBe(true);
    s.ahead.prepare();
    expect(s.ahead.answer(ROOT, cookie, SIZE, 1, 1)).toBe(false);
    expect(s.counters[Counter.opcode]).toBe(0);
  });
});

describe("a tree", () => {
  const TREE = {
    [ROOT]: [2, FILES, 3, 4],
    2: [FILES + 1, 5, 6],
    3: range(FILES + 10, 60),
    4: [],
    5: [7],
    6: [FILES + 2],
    7: [],
  };

  it("has each directory ready when it is walked depth first", () => {
    const s = stage(TREE);
    const ready = [ROOT, 2, 5, 7, 6, 3, 4].map((directory) => s.list(directory));
    // Of the root only what lies behind the end was known.
    expect(ready[0]).toEqual([false, true]);
    expect(ready.slice(1).flat()).not.toContain(false);
    expect(ready[5].length).toBeGreaterThan(3);
    expect(s.ahead.isWanted).toBe(false);
  });

  it("is made ready again for who goes on elsewhere, once he is in order", () => {
    const s = stage({ [ROOT]: range(2, 100) });
    s.list(ROOT);
    expect([10, 20, 30].map((directory) => s.list(directory)[0])).toEqual([false, false, false]);
    expect(s.ahead.isWanted).toBe(false);
    expect([31, 32, 33].map((directory) => s.list(directory)[0])).toEqual([false, true, true]);
  });

  it("is walked in bounds, however deep and wide", () => {
    const deep = Object.fromEntries(range(ROOT, 500).map((node) => [node, [node + 1, 900]]));
    const s = stage(deep);
    for (let node = ROOT; node < ROOT + 200; node++) expect(s.list(node)).toHaveLength(2);
    const wide = stage({ [ROOT]: Array.from({ length: 70_000 }, () => 2) });
    wide.list(ROOT, 64 * 1024);
    expect(wide.ahead.treeWalk.next).toBe(2);
  });
});
