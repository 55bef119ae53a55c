/** What is kept outside the daemon, where there is room for so many descriptors only. */
import { openSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DescriptorStore } from "../../../daemon/supervisor/descriptor-store.js";
import type { MetNeed } from "../../../daemon/supervisor/image.js";
import type { StateRecord } from "../../../daemon/supervisor/state-record.js";

const ROOM = 4096;

function stage(passed = new Map<string, number[]>()) {
  const kept = new Set([...passed.keys()]);
  const store = new DescriptorStore(
    {
      room: ROOM,
      keep: (name) => void kept.add(name),
      forget: (name) => void kept.delete(name),
      end: () => {},
    },
    passed,
  );
  const keep = (id: string, files: number) => store.keep(id, 1, 2, imageOf(files));
  return { store, kept, keep };
}

/** Of so many files beside its own. */
function imageOf(files: number) {
  const met: MetNeed[] = Array.from({ length: files }, (_, i) => ({
    need: { kind: "neighbour", path: `bands/${i}` },
    supply: { fd: 100 + i },
  }));
  return { fd: 3, metNeeds: () => met } as never;
}

describe("where a daemon's descriptors are kept and there is room for 4096", () => {
  it("an image of thousands of files takes none of it, and is not half kept", () => {
    const { keep, kept, store } = stage();
    expect(keep("m1", 14_000)).toBe(false);
    expect([...kept]).toEqual([]);
    expect(keep("m2", 99)).toBe(true);
    expect(kept.size).toBe(102);
    store.forget("m1", 14_000);
    expect(kept.size).toBe(102);
    store.forget("m2", 99);
    expect([...kept]).toEqual([]);
  });

  it("never more are kept than there is room for, records included", () => {
    const { keep, kept, store } = stage();
    let mounts = 0;
    while (keep(`m${mounts}`, 0)) mounts++;
    expect(mounts).toBe(ROOM / 4);
    expect(kept.size).toBe(3 * mounts);
    store.forget("m7", 0);
    expect(keep("m7", 0)).toBe(true);
  });

  it("what an earlier version has kept of an image is let go with it, or where it is too much", () => {
    const names = ["fuse", "slots", "image", "need-0", "need-1", "need-2"];
    const passed = () => new Map(names.map((name) => [`m1-${name}`, [openSync("/dev/null", "r")]]));
    const needs = Array.from({ length: 300 }, () => ({ hasDescriptor: true }));
    const record = { id: "m1", needs } as StateRecord;

    const served = stage(passed());
    expect(served.store.take(record)).toBeUndefined();
    expect(served.keep("m1", 300)).toBe(false);
    expect([...served.kept]).toEqual([]);

    const gone = stage(passed());
    expect(gone.store.take(record)).toBeUndefined();
    gone.store.forget("m1", 300);
    expect([...gone.kept]).toEqual([]);
  });
});
