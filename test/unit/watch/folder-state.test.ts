/** When a file counts as whole, step by step in made-up time. */
import { beforeEach, describe, expect, it } from "vitest";
import { FolderState } from "../../../daemon/watch/folder-state.js";

let state: FolderState;
let now: number;
let writing: boolean | undefined;

beforeEach(() => {
  state = new FolderState();
  now = 1_000_000;
  writing = false;
});

/** What the folder holds after so many milliseconds: size and version by name. */
function later(milliseconds: number, files: Record<string, [size: number, version?: number]>) {
  now += milliseconds;
  const facts = Object.entries(files).map(([name, [size, version = 1]]) => ({
    name,
    size,
    signature: `${size} ${version}`,
  }));
  return state.look(facts, now, () => writing);
}

const nothing = { arrived: [], left: [], again: undefined };

describe("an image", () => {
  it("arrives once it has been quiet for a second", () => {
    expect(later(0, { "a.iso": [10] })).toEqual({ ...nothing, again: 1000 });
    expect(later(400, { "a.iso": [10] })).toEqual({ ...nothing, again: 600 });
    expect(later(400, { "a.iso": [20] })).toEqual({ ...nothing, again: 1000 });
    expect(later(999, { "a.iso": [20] })).toEqual({ ...nothing, again: 1 });
    expect(later(1, { "a.iso": [20] })).toEqual({ ...nothing, arrived: ["a.iso"] });
    expect(later(5000, { "a.iso": [20] })).toEqual(nothing);
  });

  it("does not arrive while somebody has it open for writing", () => {
    later(0, { "a.iso": [10] });
    writing = true;
    expect(later(60_000, { "a.iso": [10] })).toEqual({ ...nothing, again: 1000 });
    writing = false;
    expect(later(1000, { "a.iso": [10] }).arrived).toEqual(["a.iso"]);
  });

  it("has to be quiet for longer where nobody can tell who writes", () => {
    writing = undefined;
    later(0, { "a.iso": [10] });
    expect(later(1000, { "a.iso": [10] })).toEqual({ ...nothing, again: 4000 });
    expect(later(4000, { "a.iso": [10] }).arrived).toEqual(["a.iso"]);
  });

  it("does not arrive empty", () => {
    later(0, { "a.iso": [0] });
    expect(later(60_000, { "a.iso": [0] })).toEqual(nothing);
  });

  it("leaves when it is gone, renamed or renamed away", () => {
    later(0, { "a.iso": [10], "b.iso": [10], "c.iso": [10] });
    expect(later(1000, { "a.iso": [10], "b.iso": [10], "c.iso": [10] }).arrived).toHaveLength(3);
    expect(later(10, { "c.iso": [10], "b.txt": [10] })).toEqual({
      ...nothing,
      left: ["a.iso", "b.iso"],
    });
    expect(later(0, { "c.iso": [10], "b.txt": [10] })).toEqual(nothing);
  });

  it("leaves and comes again when it is replaced", () => {
    later(0, { "a.iso": [10, 1] });
    later(1000, { "a.iso": [10, 1] });
    expect(later(10, { "a.iso": [10, 2] })).toEqual({ arrived: [], left: ["a.iso"], again: 1000 });
    expect(later(1000, { "a.iso": [10, 2] })).toEqual({ ...nothing, arrived: ["a.iso"] });
  });

  it("that left before it was whole was never there", () => {
    later(0, { "a.iso": [10] });
    expect(later(500, {})).toEqual(nothing);
  });

  it("is downloaded: an empty place, a partial file, and the whole in its place", () => {
    expect(later(0, { "a.iso": [0], "a.iso.part": [10] })).toEqual(nothing);
    expect(later(60_000, { "a.iso": [0], "a.iso.part": [99] })).toEqual(nothing);
    expect(later(10, { "a.iso": [99] })).toEqual({ ...nothing, again: 1000 });
    expect(later(1000, { "a.iso": [99] }).arrived).toEqual(["a.iso"]);
  });
});

describe("a sheet", () => {
  it("waits for its data to be whole", () => {
    later(0, { "a.cue": [1] });
    expect(later(2000, { "a.cue": [1], "a.bin": [10] })).toEqual({ ...nothing, again: 1000 });
    expect(later(900, { "a.cue": [1], "a.bin": [20] })).toEqual({ ...nothing, again: 1000 });
    expect(later(1000, { "a.cue": [1], "a.bin": [20] }).arrived).toEqual(["a.cue"]);
  });

  it("without data of its name is tried after ten seconds", () => {
    later(0, { "a.cue": [1] });
    expect(later(1000, { "a.cue": [1] })).toEqual({ ...nothing, again: 9000 });
    expect(later(9000, { "a.cue": [1] }).arrived).toEqual(["a.cue"]);
  });

  it("that lacked its data is tried again when there is something new", () => {
    later(0, { "a.cue": [1] });
    later(10_000, { "a.cue": [1] });
    state.lacks("a.cue");
    expect(later(10_000, { "a.cue": [1] })).toEqual(nothing);
    expect(later(0, { "a.cue": [1], "other.bin": [10] }).arrived).toEqual([]);
    expect(later(1000, { "a.cue": [1], "other.bin": [10] }).arrived).toEqual([
      "a.cue",
      "other.bin",
    ]);
    expect(later(1000, { "a.cue": [1], "other.bin": [10] })).toEqual(nothing);
  });

  it("takes over from its data, which had come alone", () => {
    later(0, { "a.bin": [10] });
    expect(later(1000, { "a.bin": [10] }).arrived).toEqual(["a.bin"]);
    expect(later(0, { "a.bin": [10], "a.cue": [1] })).toEqual({
      arrived: [],
      left: ["a.bin"],
      again: 1000,
    });
    expect(later(1000, { "a.bin": [10], "a.cue": [1] }).arrived).toEqual(["a.cue"]);
  });

  it("leaves with its data", () => {
    later(0, { "a.cue": [1], "a.bin": [10] });
    later(1000, { "a.cue": [1], "a.bin": [10] });
    expect(later(0, { "a.cue": [1] }).left).toEqual(["a.cue"]);
    expect(later(0, { "a.cue": [1], "a.bin": [10, 2] }).arrived).toEqual([]);
    expect(later(1000, { "a.cue": [1], "a.bin": [10, 2] }).arrived).toEqual(["a.cue"]);
  });
});
