/** Several sessions: on a disc, and in the files that xorriso, genisoimage and growisofs leave. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { DiscLayout } from "../../../image-core/format.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { run, scratch } from "../../support/tools.js";
import { namesIn, textAt, volumeOf } from "./volume-of.js";

const work = scratch("iso9660-sessions");
const path = (name: string) => join(work, name);

beforeAll(() => {
  for (const name of ["one", "two", "three"]) {
    mkdirSync(path(name));
    writeFileSync(path(`${name}/${name}.txt`), name);
  }
});

function sessions(iso: Uint8Array, disc?: DiscLayout): string[][] {
  const found: string[][] = [];
  for (let session = 1; session < 10; session++) {
    try {
      found.push(namesIn(volumeOf(iso, { disc, options: { session } })));
    } catch (error) {
      expect(error).toMatchObject({ kind: "option" });
      break;
    }
  }
  return found;
}

describe("xorriso's sessions in a file", () => {
  it("are all found, the newest is shown", () => {
    const output = path("x.iso");
    for (const name of ["one", "two", "three"]) {
      run("xorriso", ["-dev", output, "-map", path(name), `/${name}`, "-commit"]);
    }
    const iso = readFileSync(output);
    expect(sessions(iso)).toEqual([["one"], ["one", "two"], ["one", "three", "two"]]);
    const newest = volumeOf(iso);
    expect(namesIn(newest)).toEqual(["one", "three", "two"]);
    expect(textAt(newest, "/three/three.txt")).toBe("three");
    expect(textAt(newest, "/one/one.txt")).toBe("one");
    expect(newest.description.features).toContain("session 3 of 3");
  });
});

describe("genisoimage's sessions", () => {
  /** The second session begins at this sector. */
  const next = 12_000;
  let disc: Uint8Array;

  beforeAll(() => {
    run("genisoimage", ["-quiet", "-R", "-o", path("g1.iso"), path("one")]);
    const first = readFileSync(path("g1.iso"));
    const more = ["-C", `0,${next}`, "-M", path("g1.iso"), "-o", path("g2.iso"), path("two")];
    run("genisoimage", ["-quiet", "-R", ...more]);
    const second = readFileSync(path("g2.iso"));
    disc = new Uint8Array(next * 2048 + second.length);
    disc.set(first);
    disc.set(second, next * 2048);
  });

  it("are where the disc says", () => {
    const track = (number: number, startLba: number) => ({
      number,
      kind: "mode1" as const,
      startLba,
      length: 1000,
      source: new MemorySource(new Uint8Array(0)),
    });
    const layout: DiscLayout = {
      sessions: [
        { number: 1, tracks: [track(1, 0)] },
        { number: 2, tracks: [{ ...track(2, 5000), kind: "audio" }, track(3, next)] },
      ],
    };
    const found = sessions(disc, layout);
    expect(found).toEqual([["one.txt"], ["one.txt", "two.txt"]]);
    const volume = volumeOf(disc, { disc: layout });
    expect(textAt(volume, "/one.txt") + textAt(volume, "/two.txt")).toBe("onetwo");
  });

  it("as growisofs leaves them: sector 16 shows the newest", () => {
    const overwritten = disc.slice();
    overwritten.set(disc.subarray((next + 16) * 2048, (next + 20) * 2048), 16 * 2048);
    const volume = volumeOf(overwritten);
    expect(namesIn(volume)).toEqual(["one.txt", "two.txt"]);
    expect(textAt(volume, "/two.txt")).toBe("two");
  });

  it("are not looked for in an image that lies behind another one", () => {
    const first = readFileSync(path("g1.iso"));
    const start = Math.ceil(first.length / 65_536) * 65_536;
    const two = new Uint8Array(start + first.length);
    two.set(first);
    two.set(first, start);
    expect(sessions(two)).toHaveLength(1);
  });
});
