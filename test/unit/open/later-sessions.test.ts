/** Data that does not begin a disc: enhanced CDs, tracks behind audio, sessions copied by themselves. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { openImage } from "../../../image-core/open/open-image.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { bytesOf, type Folder, folderContext } from "../../fixtures/disc/folder.js";
import { encodeImage } from "../../fixtures/disc/sector-encoder.js";
import { run, scratch } from "../../support/tools.js";
import { walk } from "../../support/walk.js";

const work = scratch("later-sessions");
const path = (name: string) => join(work, name);
/** 2 seconds of audio, then the gap between a CD's first two sessions. */
const AUDIO = 150;
const START = AUDIO + 11_400;
const audio = new Uint8Array(AUDIO * 2352).fill(7);
let first: Uint8Array;
/** Counts blocks from the start of the disc; the second also holds the first's file. */
let extra: Uint8Array;
let merged: Uint8Array;

beforeAll(() => {
  for (const name of ["one", "two"]) {
    mkdirSync(path(`${name}/${name}`), { recursive: true });
    writeFileSync(path(`${name}/${name}/${name}.txt`), `contents of ${name}`);
  }
  const make = (name: string, ...more: string[]) => {
    run("genisoimage", [
      "-quiet",
      "-R",
      "-J",
      "-V",
      "EXTRA",
      ...more,
      "-o",
      path(name),
      path("two"),
    ]);
    return readFileSync(path(name));
  };
  run("genisoimage", ["-quiet", "-R", "-o", path("first.iso"), path("one")]);
  first = readFileSync(path("first.iso"));
  extra = make("extra.iso", "-C", `0,${START}`);
  merged = make("merged.iso", "-C", `0,${START}`, "-M", path("first.iso"));
});

async function opened(folder: Folder, name: string, view = "auto") {
  const context = folderContext(folder, name, { view });
  return openImage(new MemorySource(bytesOf(folder[name])), context);
}

/** The files that isoinfo lists, whose `-N` says where the image's first block lies. */
function listed(name: string, start: number): string[] {
  const output = run("isoinfo", ["-N", `${start}`, "-R", "-f", "-i", path(name)]).toString();
  return output.trim().split("\n").sort();
}

const names = (files: Map<string, unknown>) =>
  [...files.keys()].filter((name) => name !== "/").sort();

describe("an enhanced CD", () => {
  const sheet = (second: string) =>
    `REM SESSION 01\nFILE "a.bin" BINARY\nTRACK 01 AUDIO\nINDEX 01 00:00:00\nREM SESSION 02\n${second}\nINDEX 01 00:00:00\n`;

  it.each([
    [
      "raw sectors",
      'FILE "d.bin" BINARY\nTRACK 02 MODE1/2352',
      (iso: Uint8Array) => encodeImage(iso, "mode1", START),
    ],
    [
      "raw sectors of mode 2",
      'FILE "d.bin" BINARY\nTRACK 02 MODE2/2352',
      (iso: Uint8Array) => encodeImage(iso, "form1", START),
    ],
    ["user data alone", 'FILE "d.bin" BINARY\nTRACK 02 MODE1/2048', (iso: Uint8Array) => iso],
  ])("shows its data beside its audio: %s", async (_, second, encode) => {
    const folder = { "x.cue": sheet(second), "a.bin": audio, "d.bin": encode(extra) };
    const { volume } = await opened(folder, "x.cue");
    const files = walk(volume);
    expect(files.has("/audio/Track 01.wav")).toBe(true);
    expect(names(files).filter((name) => name.startsWith("/data/"))).toEqual(
      listed("extra.iso", START).map((name) => `/data${name}`),
    );
    expect(files.get("/data/two/two.txt")?.content).toBe(
      walk((await opened({ "e.iso": extra }, "e.iso")).volume).get("/two/two.txt")?.content,
    );
  });

  it("shows data that counts from its own track", async () => {
    run("genisoimage", ["-quiet", "-R", "-o", path("own.iso"), path("two")]);
    const folder = {
      "x.cue": sheet('FILE "d.bin" BINARY\nTRACK 02 MODE1/2048'),
      "a.bin": audio,
      "d.bin": readFileSync(path("own.iso")),
    };
    const { volume, description } = await opened(folder, "x.cue");
    expect(walk(volume).has("/data/two/two.txt")).toBe(true);
    expect(description.warnings.join()).toContain(
      `counts blocks from its own start, sector ${START}`,
    );
  });
});

describe("a disc whose data is no filesystem that is read", () => {
  const sheet = (first: string, second: string) =>
    `FILE "1.bin" BINARY\nTRACK 01 ${first}\nINDEX 01 00:00:00\nFILE "2.bin" BINARY\nTRACK 02 ${second}\nINDEX 01 00:00:00\n`;
  const opera = new Uint8Array(50 * 2048);
  opera.set(Buffer.from("\x01ZZZZZ\x01\0"));

  it.each([
    ["MODE1/2048", "AUDIO", opera, audio, "/Track 02.wav", /3DO disc .* does not read it yet/],
    ["AUDIO", "MODE1/2048", audio, opera, "/Track 01.wav", /^data track 2: no filesystem/],
  ])("shows its audio, and says so: %s, %s", async (first, second, one, two, track, warning) => {
    const folder = { "x.cue": sheet(first, second), "1.bin": one, "2.bin": two };
    const { volume, description } = await opened(folder, "x.cue");
    expect(names(walk(volume))).toEqual([track]);
    expect(description.warnings.join()).toMatch(warning);
  });
});

describe("a later session in a file by itself", () => {
  it.each(["rockridge", "joliet"])("is read: %s", async (view) => {
    const { volume, description } = await opened({ "e.iso": extra }, "e.iso", view);
    expect(names(walk(volume))).toEqual(listed("extra.iso", START));
    expect(description.warnings.join()).toContain(`${START} sectors before the image`);
    const raw = { "e.bin": encodeImage(extra, "mode1", START) };
    expect(names(walk((await opened(raw, "e.bin", view)).volume))).toEqual(names(walk(volume)));
  });

  it("has errors, not zeros, for what earlier sessions hold", async () => {
    const { volume } = await opened({ "m.iso": merged }, "m.iso");
    const node = volume.lookup(volume.lookup(1, "two"), "two.txt");
    const bytes = Buffer.alloc(100);
    expect(bytes.toString("latin1", 0, volume.read(node, 0, bytes, 0, 100))).toBe(
      "contents of two",
    );
    const earlier = volume.lookup(volume.lookup(1, "one"), "one.txt");
    expect(earlier).not.toBe(0);
    expect(() => volume.read(earlier, 0, bytes, 0, 100)).toThrow(
      expect.objectContaining({ kind: "truncated" }),
    );
  });

  it("is nothing that a disc with all its sessions is taken for", async () => {
    const disc = new Uint8Array(START * 2048 + merged.length);
    disc.set(first);
    disc.set(merged, START * 2048);
    const { volume, description } = await opened({ "d.iso": disc }, "d.iso");
    expect([...walk(volume).keys()]).toContain("/one/one.txt");
    expect(description.warnings.join()).not.toContain("before the image");
  });
});
