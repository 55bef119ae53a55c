/** Which files are read ahead, and how they reach the thread that hands them to the kernel. */
import { describe, expect, it } from "vitest";
import { COUNTERS_SIZE, Counter } from "../../../fs-adapter/counters.js";
import { FilesAhead } from "../../../fs-adapter/dev-fuse/files-ahead.js";
import {
  STORE_QUEUE_SIZE,
  StoreQueueReader,
  StoreQueueWriter,
} from "../../../fs-adapter/dev-fuse/store-queue.js";
import { ImageError } from "../../../image-core/errors.js";
import type { Volume } from "../../../image-core/filesystem/volume.js";

const FOLDER = 1;
const SIZE = 100;

/** Files numbered from `first`, whose bytes are their numbers' last; those in `bad` cannot be read. */
function stage(bad: readonly number[] = []) {
  const volume = {
    read(node: number, _position: number, target: Uint8Array, offset: number, length: number) {
      if (bad.includes(node)) throw new ImageError("corrupt", "test", "bad");
      target.fill(node & 0xff, offset, offset + length);
      return length;
    },
  } as Partial<Volume> as Volume;
  const memory = new SharedArrayBuffer(STORE_QUEUE_SIZE);
  const counters = new Float64Array(COUNTERS_SIZE / 8);
  let asked = 0;
  const ahead = new FilesAhead(volume, memory, counters, () => asked++);
  const reader = new StoreQueueReader(memory);
  return {
    counters,
    list(nodes: readonly number[], numbers = nodes, folder = FOLDER, size = SIZE) {
      const listing = ahead.listing(folder, 0);
      nodes.forEach((node, i) => {
        listing?.add(node, numbers[i], size);
      });
    },
    /** Reads a file; returns those that are stored then. */
    read(node: number): number[] {
      ahead.wasRead(node);
      while (ahead.step()) {}
      return this.stored();
    },
    step: () => ahead.step(),
    seen: (node: number) => ahead.wasRead(node),
    stored(): number[] {
      const nodes: number[] = [];
      reader.drain(0, (ring, at, length) => {
        const node = ring.readUIntLE(at + 16, 6);
        const size = ring.readUInt32LE(at + 32);
        expect(length).toBe(40 + size);
        expect([ring.readUInt32LE(at), ring.readInt32LE(at + 4)]).toEqual([length, 4]);
        const expected = Buffer.alloc(size, node & 0xff);
        expect(expected.equals(ring.subarray(at + 40, at + length))).toBe(true);
        nodes.push(node);
      });
      return nodes;
    },
    asked: () => asked,
  };
}

const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

describe("files read in the order of their listing", () => {
  it("are stored in windows that double, the first behind each left out", () => {
    const s = stage();
    s.list(range(10, 200));
    expect(s.read(10)).toEqual([]);
    expect(s.read(11)).toEqual([]);
    expect(s.read(12)).toEqual(range(13, 8));
    expect(s.read(21)).toEqual(range(22, 16));
    expect(s.read(38)).toEqual(range(39, 32));
    expect(s.counters[Counter.filesAhead]).toBe(56);
    expect(s.counters[Counter.opcode]).toBe(0);
  });

  it("end with the listing", () => {
    const s = stage();
    s.list(range(10, 5));
    expect(range(10, 5).flatMap((node) => s.read(node))).toEqual([13, 14]);
  });

  it("are expected over folders, down and up again", () => {
    const s = stage();
    s.list([2, 3, 4, 5, 6], undefined, 1);
    expect(s.read(2)).toEqual([]);
    s.list([20, 21, 22, 23, 24, 25], undefined, 7);
    expect(s.read(20)).toEqual([]);
    expect(s.read(21)).toEqual(range(22, 4));
    expect(s.read(3)).toEqual([4, 5, 6]);
  });

  it("are no longer expected after a jump", () => {
    const s = stage();
    s.list(range(10, 1000));
    s.read(10);
    s.read(11);
    expect(s.read(12)).toHaveLength(8);
    // Out of the window, and in no order of any kind.
    for (const node of [500, 30, 700, 90, 91, 350]) expect(s.read(node)).toEqual([]);
  });

  it("skips what the reader has overtaken", () => {
    const s = stage();
    s.list(range(10, 100));
    s.read(10);
    s.read(11);
    s.seen(12);
    s.step();
    s.seen(17);
    while (s.step()) {}
    expect(s.stored()).toEqual([13, 18, 19, 20]);
  });

  it("passes over a file that cannot be read", () => {
    const s = stage([15]);
    s.list(range(10, 30));
    s.read(10);
    s.read(11);
    expect(s.read(12)).toEqual([13, 14, 16, 17, 18, 19, 20]);
  });
});

it("follows a reader that goes by inode number", () => {
  const s = stage();
  const numbers = range(0, 60).map((i) => (i * 37) % 60);
  s.list(range(10, 60), numbers);
  const inOrder = range(10, 60).sort((a, b) => numbers[a - 10] - numbers[b - 10]);
  const stored = inOrder.slice(0, 12).flatMap((node) => s.read(node));
  expect(stored.length).toBeGreaterThan(5);
  const start = inOrder.indexOf(stored[0]);
  expect(stored).toEqual(inOrder.slice(start, start + stored.length));
});

it("does not wait when nobody takes what is stored, and loses nothing that is", () => {
  const s = stage();
  // The ring holds seven of these.
  s.list(range(10, 60), undefined, FOLDER, 128 * 1024);
  s.read(10);
  s.read(11);
  s.seen(12);
  let steps = 0;
  while (s.step()) steps++;
  expect(steps).toBe(7);
  expect(s.step()).toBe(false);
  expect(s.stored()).toEqual(range(13, 7));
  while (s.step()) {}
  expect(s.stored()).toEqual([20]);
});

it("asks for somebody to store once, and again after that one has gone", () => {
  const s = stage();
  s.list(range(10, 200));
  for (const node of [10, 11, 12]) s.seen(node);
  while (s.step()) {}
  expect(s.asked()).toBe(1);
  expect(s.stored()).toHaveLength(8);
  s.seen(21);
  while (s.step()) {}
  expect(s.asked()).toBe(2);
});

describe("the queue", () => {
  it("keeps messages whole around its end and around its counters'", () => {
    const memory = new SharedArrayBuffer(STORE_QUEUE_SIZE);
    // Both counters near the largest number of 32 bits with a sign.
    const state = new Int32Array(memory, 0, 2);
    state.fill(0x7ff00000);
    const writer = new StoreQueueWriter(memory);
    const reader = new StoreQueueReader(memory);
    let seed = 7;
    for (let round = 0; round < 400; round++) {
      const sent: string[] = [];
      const got: string[] = [];
      for (let i = 0; i < 20; i++) {
        seed = (seed * 1103515245 + 12345) & 0x7fffffff;
        const length = 1 + (seed % 9000);
        const target = writer.reserve(length);
        if (target === undefined) break;
        target.fill(i, writer.dataOffset, writer.dataOffset + length);
        writer.add(1000 + i, length);
        sent.push(`${1000 + i}: ${length} of ${i}`);
      }
      reader.drain(0, (ring, at, length) => {
        const data = ring.subarray(at + 40, at + length);
        expect(data.every((byte) => byte === data[0])).toBe(true);
        got.push(`${ring.readUIntLE(at + 16, 6)}: ${data.length} of ${data[0]}`);
      });
      expect(got).toEqual(sent);
      expect(sent.length).toBeGreaterThan(0);
    }
    expect(state[0]).toBeLessThan(0);
  });
});
