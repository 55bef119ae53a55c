/** Which names are images, and which belong to others. */
import { describe, expect, it } from "vitest";
import { candidates } from "../../../daemon/watch/image-names.js";

const names = (...there: string[]) => candidates(there).map(({ name }) => name);

describe("names of images", () => {
  it.each([
    ...["a.iso", "A.ISO", "disk.dmg", "x.y.img", "game.nrg", "floppy.IMA", "b.sparsebundle"],
    ...["floppy.dsk", "atari.st", "sdcard.wic", "root.ext4", "mac.hfv", "pc98.hdm"],
  ])("takes %s", (name) => {
    expect(names(name)).toEqual([name]);
  });

  it.each(["a.qcow2", "a.vhd", "a.vmdk", "a.cdi", "a.squashfs", "de.po"])(
    "passes over %s, which is not read",
    (name) => {
      expect(names(name)).toEqual([]);
    },
  );

  it.each([
    ...[
      "a.iso.part",
      "a.iso.crdownload",
      "a.iso.download",
      "a.tmp",
      "a.iso~",
      ".a.iso",
      "a.iso.aria2",
    ],
    ...[
      "readme.txt",
      "iso",
      "a.zip",
      "movie.mp4",
      ".iso",
      "Unconfirmed 4711.crdownload",
      "a.iso.!qB",
    ],
  ])("passes over %s", (name) => {
    expect(names(name)).toEqual([]);
  });

  it("waits for a file beside which a partial one of its name lies", () => {
    expect(names("a.iso", "a.iso.part", "b.iso")).toEqual(["b.iso"]);
    expect(names("a.iso", "A.ISO.ARIA2")).toEqual([]);
  });
});

describe("sheets", () => {
  it("take the data that is named after them", () => {
    const found = candidates(["Game (Track 2).bin", "Game.cue", "Game (Track 1).bin", "Games.bin"]);
    expect(found).toEqual([
      { name: "Game.cue", data: ["Game (Track 2).bin", "Game (Track 1).bin"], isSheet: true },
      { name: "Games.bin", data: [], isSheet: false },
    ]);
  });

  it.each([
    [["a.mds", "a.mdf"], ["a.mds"]],
    [["a.ccd", "a.img", "a.sub"], ["a.ccd"]],
    [["a.toc", "A.BIN"], ["a.toc"]],
    [["a.cue", "a.iso"], ["a.cue"]],
    [
      ["a.cue", "a.dmg"],
      ["a.cue", "a.dmg"],
    ],
    [["a.bin"], ["a.bin"]],
    [
      ["a.mdf", "b.mds"],
      ["b.mds", "a.mdf"],
    ],
    [["a.cue"], ["a.cue"]],
  ])("of %j leave %j", (there, mounted) => {
    expect(names(...there)).toEqual(mounted);
  });

  it("that are partial take nothing", () => {
    expect(names("a.cue.part", "a.bin")).toEqual(["a.bin"]);
  });
});
