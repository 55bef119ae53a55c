/** Lines out of bytes, however they come. */
import { describe, expect, it } from "vitest";
import { BlockPool, LineBuffer } from "../../../daemon/supervisor/line-buffer.js";
import { nesting } from "../../../daemon/supervisor/nesting.js";

/** Longer than a block, with characters of several bytes that fall on the edges of pieces. */
const lines = ["", "a", "ä€𝄞".repeat(5000), "", "x".repeat(40_000), "end"];
const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));

describe("lines", () => {
  it.each([1, 7, 16 * 1024, 16 * 1024 + 1, bytes.length])(
    "come whole out of pieces of %d",
    (size) => {
      const pool = new BlockPool();
      const buffer = new LineBuffer(pool);
      const found: string[] = [];
      // The buffer that is received into is used again.
      const chunk = Buffer.alloc(size);
      for (let at = 0; at < bytes.length; at += size) {
        const copied = bytes.copy(chunk, 0, at);
        found.push(...buffer.append(chunk.subarray(0, copied)));
        chunk.fill(0x21);
      }
      expect(found).toEqual(lines);
      expect({ length: buffer.length, capacity: buffer.capacity }).toEqual({
        length: 0,
        capacity: 0,
      });
    },
  );

  it("take no more memory than they need, and give it back", () => {
    const pool = new BlockPool();
    const buffer = new LineBuffer(pool);
    for (let i = 0; i < 100_000; i++) buffer.append(Buffer.from("x"));
    expect(buffer.length).toBe(100_000);
    expect(buffer.capacity).toBeLessThan(100_000 + 16 * 1024);
    const block = pool.take();
    buffer.clear();
    expect(buffer.capacity).toBe(0);
    pool.give([block]);
    const other = new LineBuffer(pool);
    other.append(Buffer.from("y"));
    expect(pool.take()).not.toBe(block);
  });
});

it.each([
  ["", 0],
  ["[]", 1],
  ['{"a":[{}]}', 3],
  ['"[[[["', 0],
  ['"\\"[[[["', 0],
  ['["\\\\",[]]', 2],
  ["[][][]", 1],
  ["]]]][", 1],
  ["[".repeat(1000), 1000],
])("%j nests %d deep", (text, depth) => {
  // More closing than opening ones: no number that matters.
  if (text.startsWith("]")) expect(nesting(text)).toBeLessThanOrEqual(depth);
  else expect(nesting(text)).toBe(depth);
});
